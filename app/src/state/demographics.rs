//! Who the patient is said to be: written in front of the impression in the model's format.

/// The patient's sex, as the model was taught to read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sex {
    /// Left out.
    #[default]
    Unstated,
    /// Female.
    Female,
    /// Male.
    Male,
}

impl Sex {
    /// All choices in menu order.
    pub const ALL: [Self; 3] = [Self::Unstated, Self::Female, Self::Male];

    /// The word in the menu.
    pub fn title(self) -> &'static str {
        match self {
            Self::Unstated => "–",
            Self::Female => "Female",
            Self::Male => "Male",
        }
    }
}

/// The fictitious group tag of the practice model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Group {
    /// Left out.
    #[default]
    Unstated,
    /// Group A.
    A,
    /// Group B.
    B,
    /// Group C.
    C,
}

impl Group {
    /// All choices in menu order.
    pub const ALL: [Self; 4] = [Self::Unstated, Self::A, Self::B, Self::C];

    /// The word in the menu.
    pub fn title(self) -> &'static str {
        match self {
            Self::Unstated => "–",
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
        }
    }
}

/// The projection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// Left out.
    #[default]
    Unstated,
    /// Standing, back to front.
    Pa,
    /// Front to back, often in bed.
    Ap,
}

impl View {
    /// All choices in menu order.
    pub const ALL: [Self; 3] = [Self::Unstated, Self::Pa, Self::Ap];

    /// The word in the menu.
    pub fn title(self) -> &'static str {
        match self {
            Self::Unstated => "–",
            Self::Pa => "PA",
            Self::Ap => "AP",
        }
    }

    /// The sentence that reports begin with, with a trailing space.
    fn sentence(self) -> &'static str {
        match self {
            Self::Unstated => "",
            Self::Pa => "PA chest radiograph. ",
            Self::Ap => "AP portable chest radiograph. ",
        }
    }
}

/// The fields left of the canvas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demographics {
    /// Sex.
    pub sex: Sex,
    /// Age in years.
    pub age: Option<u32>,
    /// Group.
    pub group: Group,
    /// Projection.
    pub view: View,
}

impl Demographics {
    /// The text sent in front of the impression, with a trailing space; empty when nothing is stated.
    ///
    /// The published demographic checkpoints read `sex:Male, age:71.0, race:X. `; a projection is a
    /// sentence of its own, as reports begin: `AP portable chest radiograph. `.
    pub fn prefix(&self) -> String {
        let mut parts = Vec::new();
        if self.sex != Sex::Unstated {
            parts.push(format!("sex:{}", self.sex.title()));
        }
        if let Some(age) = self.age {
            parts.push(format!("age:{age}.0"));
        }
        if self.group != Group::Unstated {
            parts.push(format!("race:{}", self.group.title()));
        }
        let mut prefix = if parts.is_empty() { String::new() } else { format!("{}. ", parts.join(", ")) };
        prefix.push_str(self.view.sentence());
        prefix
    }

    /// Splits a full impression into the fields and the rest; text of another form is kept whole.
    pub fn parse(text: &str) -> (Self, String) {
        let (mut fields, rest) = Self::parse_fields(text);
        let named = |view: &View| rest.strip_prefix(view.sentence()).map(str::to_owned);
        match View::ALL[1..].iter().find_map(|v| Some((*v, named(v)?))) {
            Some((view, words)) => {
                fields.view = view;
                (fields, words)
            }
            None => (fields, rest),
        }
    }

    fn parse_fields(text: &str) -> (Self, String) {
        let whole = || (Self::default(), text.to_owned());
        let Some((head, rest)) = split_prefix(text) else { return whole() };
        let mut fields = Self::default();
        for part in head.split(", ") {
            let Some((key, value)) = part.split_once(':') else { return whole() };
            match (key, value) {
                ("sex", "Male") => fields.sex = Sex::Male,
                ("sex", "Female") => fields.sex = Sex::Female,
                ("age", v) => match v.parse::<f32>() {
                    Ok(age) if (0.0..=130.0).contains(&age) => fields.age = Some(age as u32),
                    _ => return whole(),
                },
                ("race", v) => match Group::ALL[1..].iter().find(|g| g.title() == v) {
                    Some(&group) => fields.group = group,
                    None => return whole(),
                },
                _ => return whole(),
            }
        }
        (fields, rest.to_owned())
    }
}

/// `sex:Male, age:71.0. Text` → (`sex:Male, age:71.0`, `Text`).
fn split_prefix(text: &str) -> Option<(&str, &str)> {
    let starts = ["sex:", "age:", "race:"].iter().any(|key| text.starts_with(key));
    if !starts {
        return None;
    }
    match text.split_once(". ") {
        Some(pair) => Some(pair),
        None => text.strip_suffix('.').map(|head| (head, "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_has_the_published_form() {
        let all = Demographics { sex: Sex::Male, age: Some(71), group: Group::A, view: View::Unstated };
        assert_eq!(all.prefix(), "sex:Male, age:71.0, race:A. ");
        assert_eq!(Demographics { view: View::Ap, ..all }.prefix(), "sex:Male, age:71.0, race:A. AP portable chest radiograph. ");
        assert_eq!(Demographics::default().prefix(), "");
    }

    #[test]
    fn every_prefix_is_read_back() {
        for sex in Sex::ALL {
            for age in [None, Some(0), Some(64), Some(99)] {
                for group in Group::ALL {
                    for view in View::ALL {
                        let fields = Demographics { sex, age, group, view };
                        let text = format!("{}Small left effusion. No edema.", fields.prefix());
                        assert_eq!(Demographics::parse(&text), (fields, "Small left effusion. No edema.".to_owned()));
                    }
                }
            }
        }
    }

    #[test]
    fn foreign_prefixes_stay_in_the_text() {
        for text in ["sex:Other, age:3.0. Clear.", "age:-3.0. Clear.", "race:Purple. Clear.", "No prefix. Clear.", "sex:Male"] {
            assert_eq!(Demographics::parse(text), (Demographics::default(), text.to_owned()), "{text}");
        }
    }
}
