//! The parameters of a grid and their values, as a person types them.

use std::str::FromStr;

use engine::domain::{Annotation, GenerateRequest, SamplerKind, Seed, StepRange};

use crate::state::Demographics;

/// Values that an axis has at most.
pub const MOST_VALUES: usize = 64;

/// What changes along an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Parameter {
    /// Nothing: the grid has one row.
    #[default]
    Nothing,
    /// The seed.
    Seed,
    /// The number of steps.
    Steps,
    /// The guidance.
    Guidance,
    /// The sampler.
    Sampler,
    /// The control strength of a layer, from 0 in the order of the list.
    Strength(usize),
    /// How far a layer acts around its shape, in pixels.
    Area(usize),
    /// The share of the steps after which a layer no longer acts.
    LastStep(usize),
    /// The text, prefix left as it is.
    Text,
}

impl Parameter {
    /// The parameters that a request with so many layers has.
    pub fn all(layers: usize) -> Vec<Self> {
        let mut all = vec![Self::Nothing, Self::Seed, Self::Steps, Self::Guidance, Self::Sampler, Self::Text];
        all.extend((0..layers).flat_map(|l| [Self::Strength(l), Self::Area(l), Self::LastStep(l)]));
        all
    }

    /// What it is called; layers count from 1.
    pub fn title(self) -> String {
        match self {
            Self::Nothing => "Nothing".to_owned(),
            Self::Seed => "Seed".to_owned(),
            Self::Steps => "Steps".to_owned(),
            Self::Guidance => "Guidance".to_owned(),
            Self::Sampler => "Sampler".to_owned(),
            Self::Strength(l) => format!("Strength of layer {}", l + 1),
            Self::Area(l) => format!("Area of layer {} in px", l + 1),
            Self::LastStep(l) => format!("Last share of steps of layer {}", l + 1),
            Self::Text => "Text".to_owned(),
        }
    }

    /// How its values are typed.
    pub fn example(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Seed => "1482, 1483 or 1482 to 1489",
            Self::Steps => "10, 25, 50",
            Self::Guidance => "1 to 4 by 0.5",
            Self::Sampler => "ddim, dpmpp, unipc",
            Self::Strength(_) => "0, 0.5, 1, 1.5",
            Self::Area(_) => "0, 6, 12, everywhere",
            Self::LastStep(_) => "0.4, 0.6, 0.8, 1",
            Self::Text => "Small left effusion. | Large left effusion.",
        }
    }

    /// Its name in files.
    pub fn word(self) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Seed => "seed".to_owned(),
            Self::Steps => "steps".to_owned(),
            Self::Guidance => "guidance".to_owned(),
            Self::Sampler => "sampler".to_owned(),
            Self::Strength(l) => format!("strength {}", l + 1),
            Self::Area(l) => format!("area {}", l + 1),
            Self::LastStep(l) => format!("last step {}", l + 1),
            Self::Text => "text".to_owned(),
        }
    }

    /// The parameter of a name in a file; `None` for names of others.
    pub fn from_word(word: &str) -> Option<Self> {
        let all = Self::all(64);
        all.into_iter().find(|p| p.word() == word)
    }

    /// Reads the values that were typed.
    ///
    /// # Errors
    /// One sentence that names the parameter, what was typed and what would be right.
    pub fn parse(self, typed: &str) -> Result<Vec<Value>, String> {
        if self == Self::Nothing {
            return Ok(vec![Value::Nothing]);
        }
        let split = if self == Self::Text { ['|', '\n'] } else { [',', '\n'] };
        let mut values = Vec::new();
        for part in typed.split(split).map(str::trim).filter(|p| !p.is_empty()) {
            values.extend(self.one(part)?);
            if values.len() > MOST_VALUES {
                return Err(format!("{} has more than {MOST_VALUES} values; choose fewer.", self.title()));
            }
        }
        if values.is_empty() {
            return Err(format!("{} has no values yet; type for example {}.", self.title(), self.example()));
        }
        for (i, value) in values.iter().enumerate() {
            if values[..i].contains(value) {
                return Err(format!("{} has {} twice; take one away.", self.title(), value.title()));
            }
        }
        Ok(values)
    }

    /// One value, or several of "a to b by s".
    fn one(self, part: &str) -> Result<Vec<Value>, String> {
        let wrong = || format!("{:?} is no value of {}; type for example {}.", part, self.title().to_lowercase(), self.example());
        match self {
            Self::Text => return Ok(vec![Value::Text(part.to_owned())]),
            Self::Sampler => return SamplerKind::from_str(part).map(|s| vec![Value::Sampler(s)]).map_err(|_| wrong()),
            Self::Area(_) if part == "everywhere" => return Ok(vec![Value::Everywhere]),
            _ => {}
        }
        let Some((from, rest)) = part.split_once(" to ") else { return self.value(part).map(|v| vec![v]).ok_or_else(wrong) };
        let (to, by) = rest.split_once(" by ").unwrap_or((rest, "1"));
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|v| v.is_finite());
        let (Some(from), Some(to), Some(by)) = (number(from), number(to), number(by)) else { return Err(wrong()) };
        if by <= 0.0 || to < from {
            return Err(wrong());
        }
        let count = ((to - from) / by + 1e-9).floor() as usize + 1;
        if count > MOST_VALUES {
            return Err(format!("{} has {count} values in {part:?}; choose at most {MOST_VALUES}.", self.title()));
        }
        // Written and read again, so that 1 to 2 by 0.1 gives 1.3 and not 1.3000000000000003.
        (0..count).map(|i| self.value(&format!("{:.6}", from + i as f64 * by)).ok_or_else(wrong)).collect()
    }

    fn value(self, text: &str) -> Option<Value> {
        let plain = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
        let number = || text.parse::<f32>().ok().filter(|v| v.is_finite()).map(Value::Number);
        match self {
            Self::Seed | Self::Steps | Self::Area(_) => plain.parse().ok().map(Value::Whole),
            _ => number(),
        }
    }

    /// Sets a value in a request.
    ///
    /// # Errors
    /// One sentence when the request has no such layer, or the value is out of range.
    pub fn apply(self, value: &Value, request: &mut GenerateRequest) -> Result<(), String> {
        match (self, value) {
            (Self::Nothing, _) => {}
            (Self::Seed, Value::Whole(v)) => request.seed = Seed(*v),
            (Self::Steps, Value::Whole(v)) => request.num_steps = usize::try_from(*v).unwrap_or(usize::MAX),
            (Self::Guidance, Value::Number(v)) => request.guidance_scale = *v,
            (Self::Sampler, Value::Sampler(v)) => {
                request.sampler = *v;
                request.karras &= v.takes_karras();
            }
            (Self::Strength(l), Value::Number(v)) => layer(request, l)?.strength = *v,
            (Self::Area(l), Value::Whole(v)) => layer(request, l)?.area_px = Some(u32::try_from(*v).unwrap_or(u32::MAX)),
            (Self::Area(l), Value::Everywhere) => layer(request, l)?.area_px = None,
            (Self::LastStep(l), Value::Number(v)) => {
                let layer = layer(request, l)?;
                layer.steps = StepRange { first: layer.steps.first, last: *v };
            }
            (Self::Text, Value::Text(v)) => {
                let (who, _) = Demographics::parse(&request.impression);
                request.impression = format!("{}{v}", who.prefix());
                // What was kept on purpose was said of the other text.
                request.kept_conflicts.clear();
            }
            (_, other) => return Err(format!("{} is no value of {}.", other.title(), self.title().to_lowercase())),
        }
        Ok(())
    }
}

/// A layer of a request, to change it.
fn layer(request: &mut GenerateRequest, at: usize) -> Result<&mut Annotation, String> {
    let count = request.annotations.len();
    let missing = || format!("The case sends {count} layers, so there is no layer {}.", at + 1);
    request.annotations.get_mut(at).ok_or_else(missing)
}

/// One value of an axis.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Of no parameter.
    Nothing,
    /// A whole number.
    Whole(u64),
    /// A number.
    Number(f32),
    /// A layer acts everywhere.
    Everywhere,
    /// A sampler.
    Sampler(SamplerKind),
    /// A text.
    Text(String),
}

impl Value {
    /// How it is shown.
    pub fn title(&self) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Whole(v) => v.to_string(),
            Self::Number(v) => v.to_string(),
            Self::Everywhere => "everywhere".to_owned(),
            Self::Sampler(v) => v.name().to_owned(),
            Self::Text(v) => v.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use engine::domain::{Finding, Mask};

    use super::*;

    fn titles(parameter: Parameter, typed: &str) -> Result<Vec<String>, String> {
        parameter.parse(typed).map(|values| values.iter().map(Value::title).collect())
    }

    #[test]
    fn lists_and_ranges_are_read() {
        assert_eq!(
            titles(Parameter::Seed, "1482, 1490 to 1492"),
            Ok(["1482", "1490", "1491", "1492"].map(String::from).to_vec())
        );
        assert_eq!(
            titles(Parameter::Guidance, "1 to 2 by 0.25"),
            Ok(["1", "1.25", "1.5", "1.75", "2"].map(String::from).to_vec())
        );
        assert_eq!(titles(Parameter::Strength(0), "1 to 1.3 by 0.1"), Ok(["1", "1.1", "1.2", "1.3"].map(String::from).to_vec()));
        assert_eq!(titles(Parameter::Area(1), "0, 12, everywhere"), Ok(["0", "12", "everywhere"].map(String::from).to_vec()));
        assert_eq!(titles(Parameter::Sampler, "ddim, unipc"), Ok(["ddim", "unipc"].map(String::from).to_vec()));
        assert_eq!(
            titles(Parameter::Text, "Clear lungs. | Edema, mild."),
            Ok(["Clear lungs.", "Edema, mild."].map(String::from).to_vec())
        );
        assert_eq!(titles(Parameter::Nothing, ""), Ok(vec![String::new()]));
        assert_eq!(titles(Parameter::Seed, &u64::MAX.to_string()), Ok(vec![u64::MAX.to_string()]));
    }

    #[test]
    fn wrong_values_are_named_with_a_remedy() {
        for (parameter, typed, part) in [
            (Parameter::Seed, "", "no values yet"),
            (Parameter::Seed, "1482, abc", "\"abc\""),
            (Parameter::Seed, "1.5", "\"1.5\""),
            (Parameter::Steps, "10, 10", "10 twice"),
            (Parameter::Guidance, "2 to 1", "\"2 to 1\""),
            (Parameter::Guidance, "1 to 2 by 0", "by 0"),
            (Parameter::Guidance, "NaN", "\"NaN\""),
            (Parameter::Seed, "1 to 1000", "1000 values"),
            (Parameter::Sampler, "euler", "\"euler\""),
        ] {
            let said = titles(parameter, typed).expect_err(typed);
            assert!(said.contains(part) && said.ends_with('.'), "{typed}: {said}");
        }
    }

    #[test]
    fn values_go_where_they_belong() {
        let mut request = GenerateRequest::new("sex:Male, age:64.0, race:A. Small effusion.", 1);
        request.annotations.push(Annotation::mask(Finding::Nodule, Mask::empty(8, 8)));
        let mut set = |parameter: Parameter, typed: &str| {
            let value = parameter.parse(typed).expect("right").remove(0);
            parameter.apply(&value, &mut request)
        };
        set(Parameter::Text, "Large effusion.").expect("text");
        set(Parameter::Strength(0), "0.5").expect("strength");
        set(Parameter::Area(0), "6").expect("area");
        set(Parameter::LastStep(0), "0.6").expect("steps");
        set(Parameter::Seed, "9").expect("seed");
        let missing = set(Parameter::Strength(3), "1").expect_err("no fourth layer");
        assert!(missing.contains("no layer 4"), "{missing}");
        assert_eq!((request.impression.as_str(), request.seed), ("sex:Male, age:64.0, race:A. Large effusion.", Seed(9)));
        let layer = &request.annotations[0];
        assert_eq!((layer.strength, layer.area_px, layer.steps.last), (0.5, Some(6), 0.6));
    }

    #[test]
    fn names_in_files_come_back() {
        for parameter in Parameter::all(3) {
            assert_eq!(Parameter::from_word(&parameter.word()), Some(parameter));
        }
        assert_eq!(Parameter::from_word("hue"), None);
    }
}
