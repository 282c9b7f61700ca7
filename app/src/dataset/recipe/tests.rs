use super::*;

#[test]
fn a_recipe_is_read_back() {
    let mut recipe = Recipe::default();
    recipe.how.steps = Some(3);
    recipe.how.below = Some(0.5);
    recipe.place.drawn.push(DrawnLayer {
        finding: Class::Finding(Finding::Nodule),
        width: 64,
        height: 64,
        runs: vec![(3, 4)],
        corners: None,
    });
    let text = recipe.to_json().expect("JSON");
    assert_eq!(Recipe::parse(&text), Ok(recipe.clone()));
    assert_eq!(recipe.hash().len(), 64);
    assert_ne!(recipe.hash(), Recipe { seed: 2, ..recipe.clone() }.hash());
    assert!(recipe.tag().starts_with("Data set #"));
    let mut stricter = recipe.clone();
    stricter.how.below = Some(0.9);
    assert_eq!(stricter.tag(), recipe.tag(), "rules judge the same images");
    stricter.how.steps = Some(9);
    assert_ne!(stricter.tag(), recipe.tag());
    let mut table = Recipe::default();
    table.who = Who { quotas: None, table: Some(vec![Row::new(Class::Normal, Side::Both)]) };
    assert_eq!(Recipe::parse(&table.to_json().expect("JSON")), Ok(table));
}

#[test]
fn unknown_fields_are_refused_with_the_nearest_name() {
    let text = Recipe::default().to_json().expect("JSON");
    let refused = |from: &str, to: &str| Recipe::parse(&text.replacen(from, to, 1)).expect_err(to);
    let said = refused("\"keep_best\"", "\"keep_bset\"");
    assert!(said.contains("did you mean keep_best?") && said.contains("line "), "{said}");
    assert!(refused("\"seed\"", "\"sede\"").contains("did you mean seed?"));
    assert!(refused("\"pneumothorax\"", "\"pneumotorax\"").contains("choose one of normal, pneumothorax"));
    assert!(refused("\"right\": 1", "\"left\": 1").contains("twice"));
    assert!(refused("chexgen-recipe", "chexgen-run").contains("no recipe"));
    assert!(refused("\"version\": 1", "\"version\": 2").contains("version 2"));
    assert!(refused("\"seeds_per_row\": 1", "\"seeds_per_row\": 0").contains("1 to 64"));
    assert!(refused("\"strength\": 1.0", "\"strength\": 3.0").contains("0 to 2"));
    assert!(Recipe::parse("{").expect_err("half").contains("line 1"));
}

#[test]
fn settings_lie_over_the_models_own() {
    let mut recipe = Recipe::default();
    let natural = GenerateRequest { karras: true, ..GenerateRequest::new("", 0) };
    assert_eq!(recipe.settings(&natural), Ok(natural.clone()));
    recipe.how = How { steps: Some(4), sampler: Some("ddim".to_owned()), preset: Some("ours".to_owned()), ..How::default() };
    let settings = recipe.settings(&natural).expect("they go together");
    assert_eq!(
        (settings.num_steps, settings.sampler, settings.preset, settings.karras),
        (4, SamplerKind::Ddim, Preset::Ours, false)
    );
    recipe.how.sampler = Some("euler".to_owned());
    assert!(recipe.settings(&natural).expect_err("no such sampler").contains("dpmpp"));
}
