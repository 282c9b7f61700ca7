//! A sheet to draw on, written as SVG.
//!
//! Each mark carries its colour as an attribute and its role as a class: alone the picture has the colours of its
//! theme, and inside a page the page's own colours win.

use std::fmt::Write;

use super::text::{Weight, measure};

/// Colours of a picture that stands alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// Dark on white, for print.
    #[default]
    Light,
    /// Light on near-black, for slides.
    Dark,
}

/// What a colour is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Text and values.
    Ink,
    /// Secondary text, the second series.
    Ink2,
    /// Captions, zero lines, the third series.
    Ink3,
    /// Axis lines.
    Line,
    /// The ground.
    Ground,
    /// A score, from the lowest.
    Score(usize),
    /// Figures on a score.
    OnScore,
}

/// Colours of the scores from the lowest to the highest.
pub(crate) const SCORES: [&str; 5] = ["#C9682F", "#E5AC72", "#8A9097", "#86B4DB", "#4C8DC8"];

impl Paint {
    /// The class under which a page can give it another colour.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Ink => "i1",
            Self::Ink2 => "i2",
            Self::Ink3 => "i3",
            Self::Line => "ln",
            Self::Ground => "gr",
            Self::Score(_) => "sc",
            Self::OnScore => "os",
        }
    }

    /// The colour in a theme.
    pub(crate) fn colour(self, theme: Theme) -> &'static str {
        let (light, dark) = match self {
            Self::Ink => ("#16181A", "#E3E6E8"),
            Self::Ink2 => ("#454B52", "#AFB5BB"),
            Self::Ink3 => ("#666D75", "#8B929A"),
            Self::Line => ("#D5D9DD", "#33373C"),
            Self::Ground => ("#FFFFFF", "#131416"),
            Self::Score(i) => return SCORES[i.min(SCORES.len() - 1)],
            Self::OnScore => return "#0B0C0D",
        };
        if theme == Theme::Light { light } else { dark }
    }
}

/// Where a text stands to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a line is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dash {
    Solid,
    Dashed,
    Dotted,
    Mixed,
}

impl Dash {
    /// The look of a series: A solid, B dashed and so on.
    pub(crate) const fn of(series: usize) -> Self {
        match series % 4 {
            0 => Self::Solid,
            1 => Self::Dashed,
            2 => Self::Dotted,
            _ => Self::Mixed,
        }
    }

    const fn pattern(self) -> &'static str {
        match self {
            Self::Solid => "",
            Self::Dashed => " stroke-dasharray=\"5 3.5\"",
            Self::Dotted => " stroke-dasharray=\"1.6 3\"",
            Self::Mixed => " stroke-dasharray=\"8 3 1.6 3\"",
        }
    }
}

/// A sheet of a given width that grows downwards.
#[derive(Clone, Debug)]
pub(crate) struct Canvas {
    pub(crate) width: f64,
    pub(crate) height: f64,
    theme: Theme,
    body: String,
}

/// Coordinates to a tenth, without a needless ".0".
fn n(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Text that stands between tags.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Characters that XML forbids.
            c if c.is_control() && !matches!(c, '\n' | '\t') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

impl Canvas {
    pub(crate) fn new(width: f64, height: f64, theme: Theme) -> Self {
        Self { width, height, theme, body: String::new() }
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        self.body.write_fmt(text).unwrap_or_default();
        self.body.push('\n');
    }

    /// A line of text; `y` is its baseline. A text wider than `room` is cut and tells itself whole on hover.
    pub(crate) fn text(&mut self, (x, y): (f64, f64), text: &str, look: &Look) {
        let shown = look.room.map_or_else(|| text.to_owned(), |room| super::text::fit(text, look.size, look.weight, room));
        let anchor = match look.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = match look.weight {
            Weight::Regular => "",
            Weight::Medium => " font-weight=\"500\"",
            Weight::SemiBold => " font-weight=\"600\"",
        };
        let whole = if shown == text { String::new() } else { format!("<title>{}</title>", escape(text)) };
        self.push(format_args!(
            "<text class=\"{}\" x=\"{}\" y=\"{}\" font-size=\"{}\" fill=\"{}\"{anchor}{weight}>{whole}{}</text>",
            look.paint.class(),
            n(x),
            n(y),
            n(look.size),
            look.paint.colour(self.theme),
            escape(&shown),
        ));
    }

    /// Two texts that end together at a point: the first in Medium ink, the second in its look. As one line they cannot
    /// run into each other in letters that are wider than ours.
    pub(crate) fn two(&mut self, (x, y): (f64, f64), first: &str, second: &str, look: &Look) {
        let (ink, own) = (Paint::Ink, look.paint);
        self.push(format_args!(
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"end\"><tspan class=\"{}\" fill=\"{}\" \
             font-weight=\"500\">{}</tspan><tspan class=\"{}\" fill=\"{}\">{}</tspan></text>",
            n(x),
            n(y),
            n(look.size),
            ink.class(),
            ink.colour(self.theme),
            escape(first),
            own.class(),
            own.colour(self.theme),
            escape(second),
        ));
    }

    /// A filled rectangle; `says` is told on hover.
    pub(crate) fn rect(&mut self, (x, y): (f64, f64), (w, h): (f64, f64), paint: Paint, says: &str) {
        let title = if says.is_empty() { String::new() } else { format!("<title>{}</title>", escape(says)) };
        self.push(format_args!(
            "<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\">{title}</rect>",
            paint.class(),
            n(x),
            n(y),
            n(w),
            n(h),
            paint.colour(self.theme),
        ));
    }

    /// A rectangle of an ink with some opacity from 0 to 1.
    pub(crate) fn shade(&mut self, (x, y): (f64, f64), (w, h): (f64, f64), opacity: f64, says: &str) {
        self.push(format_args!(
            "<rect class=\"i1\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\" fill-opacity=\"{opacity:.3}\"><title>{}</title></rect>",
            n(x),
            n(y),
            n(w),
            n(h),
            Paint::Ink.colour(self.theme),
            escape(says),
        ));
    }

    /// An outline without filling.
    pub(crate) fn frame(&mut self, (x, y): (f64, f64), (w, h): (f64, f64), paint: Paint) {
        self.push(format_args!(
            "<rect class=\"{}s\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"{}\"/>",
            paint.class(),
            n(x),
            n(y),
            n(w),
            n(h),
            paint.colour(self.theme),
        ));
    }

    /// A line through points.
    pub(crate) fn line(&mut self, points: &[(f64, f64)], width: f64, paint: Paint, dash: Dash) {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{},{}", n(*x), n(*y))).collect();
        self.push(format_args!(
            "<polyline class=\"{}s\" points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{}/>",
            paint.class(),
            path.join(" "),
            paint.colour(self.theme),
            n(width),
            dash.pattern(),
        ));
    }

    /// A filled shape with corners.
    pub(crate) fn shape(&mut self, points: &[(f64, f64)], paint: Paint) {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{},{}", n(*x), n(*y))).collect();
        self.push(format_args!(
            "<polygon class=\"{}\" points=\"{}\" fill=\"{}\"/>",
            paint.class(),
            path.join(" "),
            paint.colour(self.theme)
        ));
    }

    /// A filled disc with a thin casing of the ground, so that it shows on any shade.
    pub(crate) fn dot(&mut self, (x, y): (f64, f64), radius: f64, paint: Paint, says: &str) {
        self.push(format_args!(
            "<circle class=\"{} grs\" cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\" stroke=\"{}\"><title>{}</title></circle>",
            paint.class(),
            n(x),
            n(y),
            n(radius),
            paint.colour(self.theme),
            Paint::Ground.colour(self.theme),
            escape(says),
        ));
    }

    /// The picture for a page: it takes the page's colours and width.
    pub(crate) fn inline(&self, title: &str) -> String {
        let (w, h) = (n(self.width), n(self.height));
        format!(
            "<svg class=\"fig\" viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" aria-label=\"{}\">\n{}</svg>",
            escape(title),
            self.body
        )
    }

    /// The picture as a file of its own, on the ground of its theme.
    pub(crate) fn standalone(&self, title: &str) -> String {
        let (w, h) = (n(self.width + 2.0 * MARGIN), n(self.height + 2.0 * MARGIN));
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {w} {h}\" \
             width=\"{w}\" height=\"{h}\" font-family=\"{FAMILY}\">\n<title>{}</title>\n<rect width=\"{w}\" height=\"{h}\" \
             fill=\"{}\"/>\n<g transform=\"translate({m} {m})\">\n{}</g>\n</svg>\n",
            escape(title),
            Paint::Ground.colour(self.theme),
            self.body,
            m = n(MARGIN),
        )
    }
}

/// Room around a picture that stands alone.
const MARGIN: f64 = 16.0;
/// Letters of all pictures.
pub(crate) const FAMILY: &str = "IBM Plex Sans, Helvetica, Arial, sans-serif";

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) size: f64,
    pub(crate) weight: Weight,
    pub(crate) paint: Paint,
    pub(crate) anchor: Anchor,
    /// Most width; `None` where it always fits.
    pub(crate) room: Option<f64>,
}

impl Look {
    pub(crate) const fn new(size: f64, paint: Paint) -> Self {
        Self { size, weight: Weight::Regular, paint, anchor: Anchor::Start, room: None }
    }

    pub(crate) const fn weight(self, weight: Weight) -> Self {
        Self { weight, ..self }
    }

    pub(crate) const fn end(self) -> Self {
        Self { anchor: Anchor::End, ..self }
    }

    pub(crate) const fn middle(self) -> Self {
        Self { anchor: Anchor::Middle, ..self }
    }

    pub(crate) const fn room(self, room: f64) -> Self {
        Self { room: Some(room), ..self }
    }

    /// Width of a text in this look.
    pub(crate) fn width(&self, text: &str) -> f64 {
        measure(text, self.size, self.weight)
    }
}
