//! The figures of a grid as a table of comma-separated values.

use super::{Cell, Plan, State};

/// One line a cell, in the order of the rows; cells that are missing have empty figures.
pub(super) fn csv(grid: &State, plan: &Plan) -> String {
    let mut out = String::new();
    let (x, y) = (grid.x.parameter.word(), grid.y.parameter.word());
    let head = ["state", "run", "seed", "steps", "guidance", "sampler", "adherence", "measures", "seconds", "image", "file"];
    line(&mut out, [x.as_str(), y.as_str()].into_iter().chain(head));
    for (i, request) in plan.requests.iter().enumerate() {
        let (column, row) = (i % plan.xs.len(), i / plan.xs.len());
        let (state, made) = match grid.cells.get(i) {
            Some(Cell::Made(found)) => ("made", Some(found)),
            Some(Cell::Queued) => ("queued", None),
            Some(Cell::Missing) => ("missing", None),
            Some(Cell::Unknown) | None => ("unknown", None),
        };
        let of = |text: &dyn Fn(&super::Found) -> String| made.map_or_else(String::new, |f| text(f));
        let measures = |f: &super::Found| {
            let one =
                |m: &crate::state::measure::LayerMeasure| m.value.map(|v| format!("{} {} {v:.4}", m.layer, m.finding.code()));
            f.row.measures.iter().filter_map(one).collect::<Vec<_>>().join("; ")
        };
        let cells = [
            plan.xs[column].title(),
            plan.ys[row].title(),
            state.to_owned(),
            of(&|f| f.row.id.to_string()),
            request.seed.0.to_string(),
            request.num_steps.to_string(),
            request.guidance_scale.to_string(),
            request.sampler.name().to_owned(),
            of(&|f| f.row.adherence.map_or_else(String::new, |a| format!("{a:.4}"))),
            of(&measures),
            of(&|f| format!("{:.2}", f.row.secs)),
            of(&|f| f.row.image_hash.clone()),
            of(&|f| f.file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default()),
        ];
        line(&mut out, cells.iter().map(String::as_str));
    }
    out
}

/// Fields with a comma, a quote or a line break are quoted.
fn line<'a>(out: &mut String, fields: impl Iterator<Item = &'a str>) {
    for (i, field) in fields.enumerate() {
        if i > 0 {
            out.push(',');
        }
        if field.contains([',', '"', '\n', '\r']) {
            out.push('"');
            out.push_str(&field.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(field);
        }
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let mut out = String::new();
        line(&mut out, ["plain", "a, b", "say \"x\""].into_iter());
        assert_eq!(out, "plain,\"a, b\",\"say \"\"x\"\"\"\n");
    }
}
