//! The report as Markdown, each number beside its bound.

use std::fmt::Write;

use super::Report;

/// Bounds and tables.
pub(super) fn markdown(report: &Report) -> String {
    let mut out = String::new();
    let s = &report.settings;
    // Writing to a string cannot fail.
    let mut line = |text: std::fmt::Arguments<'_>| {
        out.write_fmt(text).ok();
        out.push('\n');
    };
    line(format_args!(
        "{} phantom cases a finding, seed {} (never used in training), {} steps, guidance {}.\n",
        s.per_finding, s.seed, s.num_steps, s.guidance_scale
    ));
    line(format_args!("### With a mask\n"));
    line(format_args!(
        "| finding | n | AUROC median (≥ 0.90) | sign right (≥ 0.97) | grey change, of phantom's (≥ half) | Dice median (≥ 0.60, PTX ≥ 0.45) | mirrored mask followed (≥ 0.90) | all hold |"
    ));
    line(format_args!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |"));
    for r in &report.masked {
        let share = r.change / r.phantom_change;
        let dice = if r.finding == "pneumothorax" { 0.45 } else { 0.6 };
        let holds = r.auroc_median >= 0.9 && r.sign_right >= 0.97 && share >= 0.5 && r.dice_median >= dice && r.moved >= 0.9;
        line(format_args!(
            "| {} | {} | {:.3} | {:.3} | {:+.1} of {:+.1} ({:.2}) | {:.3} | {:.3} | {} |",
            r.finding,
            r.cases,
            r.auroc_median,
            r.sign_right,
            r.change,
            r.phantom_change,
            share,
            r.dice_median,
            r.moved,
            yes(holds)
        ));
    }
    line(format_args!("\nGrey change is in 255ths of full scale, mean over the mask.\n\n### Text alone\n"));
    line(format_args!("| finding | cases with a side | side right (≥ 0.95) | checker AUROC (≥ 0.95) | both hold |"));
    line(format_args!("| --- | ---: | ---: | ---: | --- |"));
    for r in &report.text_only {
        let holds = r.side_right >= 0.95 && r.presence_auroc >= 0.95;
        line(format_args!(
            "| {} | {} | {:.3} | {:.3} | {} |",
            r.finding,
            r.sided_cases,
            r.side_right,
            r.presence_auroc,
            yes(holds)
        ));
    }
    let d = &report.diversity;
    line(format_args!("\n### Diversity and texture\n"));
    line(format_args!(
        "Four seeds of one text, {} texts: mean pairwise SSIM {:.3}; phantoms of one text in four patients {:.3} (at most 0.1 above: {}).",
        d.texts,
        d.ssim,
        d.phantom_ssim,
        yes(d.ssim <= d.phantom_ssim + 0.1)
    ));
    line(format_args!(
        "Power spectrum against phantoms up to half of Nyquist: worst {:+.1} dB (within 3 dB: {}).",
        d.spectrum_worst_db,
        yes(d.spectrum_worst_db.abs() <= 3.0)
    ));
    line(format_args!("\n### The practice checker on phantoms\n"));
    line(format_args!("| finding | Dice median | presence AUROC |"));
    line(format_args!("| --- | ---: | ---: |"));
    for r in &report.checker {
        line(format_args!("| {} | {:.3} | {:.3} |", r.finding, r.dice_median, r.auroc));
    }
    out
}

fn yes(holds: bool) -> &'static str {
    if holds { "yes" } else { "no" }
}
