//! Ranges, areas, presets and imported noise on the tiny models.

use proptest::prelude::*;

use super::*;
use crate::domain::StepRange;
use crate::store::record::NoiseOrigin;

fn image(pipeline: &Pipeline, request: &GenerateRequest) -> GrayImage {
    run(pipeline, std::slice::from_ref(request)).remove(0).image
}

fn range(first: f32, last: f32) -> StepRange {
    StepRange { first, last }
}

#[test]
fn a_range_that_no_step_meets_is_no_condition() {
    let pipeline = TinyModel::new(Kind::Practice).open();
    let base = requests(&pipeline).remove(0);
    let with = |steps| {
        let mut request = base.clone();
        request.annotations[0].steps = steps;
        image(&pipeline, &request)
    };
    let without = image(&pipeline, &GenerateRequest { annotations: Vec::new(), ..base.clone() });
    assert_eq!(with(range(0.4, 0.4)), without);
    assert_eq!(with(StepRange::ALL), image(&pipeline, &base));
    let (early, late) = (with(range(0.0, 0.5)), with(range(0.5, 1.0)));
    assert!(early != late && early != without && late != without);
}

#[test]
fn what_acts_alike_goes_to_the_model_as_one_picture() {
    let pipeline = TinyModel::new(Kind::Practice).open();
    let mut request = requests(&pipeline).remove(0);
    let second = Annotation::mask(Finding::Nodule, Mask::from_fn(64, 64, |x, y| x > 40 && y > 40));
    request.annotations.push(second);
    assert_eq!(pipeline.conditions(&request).len(), 1);
    assert_eq!(Some(&pipeline.conditions(&request)[0].picture), pipeline.condition(&request).as_ref());
    let one = image(&pipeline, &request);
    request.annotations.reverse();
    assert_eq!(image(&pipeline, &request), one);
    request.annotations[0].strength = 0.6;
    assert_eq!(pipeline.conditions(&request).len(), 2);
    let two = image(&pipeline, &request);
    request.annotations.reverse();
    assert_eq!(image(&pipeline, &request), two, "the order of drawing does not matter");
    assert_ne!(one, two);
}

#[test]
fn an_area_that_holds_everything_changes_nothing() {
    let pipeline = TinyModel::new(Kind::Practice).open();
    let mut request = requests(&pipeline).remove(0);
    let everywhere = image(&pipeline, &request);
    request.annotations[0].area_px = Some(200);
    assert_eq!(image(&pipeline, &request), everywhere);
    request.annotations[0].area_px = Some(3);
    assert_ne!(image(&pipeline, &request), everywhere);
}

#[test]
fn our_preset_takes_the_mean_and_keeps_proportions() {
    let pipeline = TinyModel::new(Kind::Release).open();
    let mut request = requests(&pipeline).remove(0);
    request.preset = Preset::Ours;
    let latent = |request: &GenerateRequest| {
        let conditions = pipeline.row_conditions(0, request, &RunOptions::default(), &mut None).unwrap();
        conditions[0].latent.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    let other_seed = |request: &GenerateRequest| GenerateRequest { seed: Seed(99), ..request.clone() };
    assert_eq!(latent(&request), latent(&other_seed(&request)), "the mean has no seed");
    request.preset = Preset::Paper;
    assert_ne!(latent(&request), latent(&other_seed(&request)));
    // Guided on all channels, as the paper; the release guides three and none with control.
    let text = requests(&pipeline).remove(1);
    let of = |preset| image(&pipeline, &GenerateRequest { preset, ..text.clone() });
    assert_eq!(of(Preset::Ours), of(Preset::Paper));
    assert_ne!(of(Preset::Ours), of(Preset::Release));
    let wide = Mask::from_fn(128, 64, |x, y| x < 64 && y < 32);
    let mut drawn = request.clone();
    drawn.annotations = vec![Annotation::mask(Finding::Pneumothorax, wide)];
    let lit = |preset| {
        let picture = pipeline.condition(&GenerateRequest { preset, ..drawn.clone() }).unwrap();
        picture.pixels().iter().filter(|&&v| v > 32767).count()
    };
    assert_eq!((lit(Preset::Paper), lit(Preset::Ours)), (32 * 32, 32 * 16));
}

#[test]
fn every_sampler_stops_within_a_step() {
    let pipeline = TinyModel::new(Kind::Practice).open();
    for sampler in SamplerKind::ALL {
        let mut list = requests(&pipeline);
        list[0].annotations[0].steps = range(0.0, 0.5);
        for request in &mut list {
            request.sampler = sampler;
        }
        let (cancel, mut steps) = (Cancel::new(), 0);
        let outcome = pipeline.generate(&list, &cancel, &mut |event| {
            if let Event::Step { step, .. } = event {
                steps = step;
                if step == 3 {
                    cancel.cancel();
                }
            }
        });
        assert!(matches!(outcome.unwrap(), Outcome::Cancelled), "{sampler:?}");
        assert_eq!(steps, 3);
    }
}

/// The noise of some requests as a file.
fn noise_file(pipeline: &Pipeline, seeds: &[Seed], steps: u32) -> Vec<u8> {
    let noise = |stream, block| pipeline.noise(seeds, stream, block, &[seeds.len(), 4, 8, 8]).unwrap();
    let all: Vec<Tensor> = (0..steps).map(|step| noise(Stream::Step, step)).collect();
    let tensors: BTreeMap<String, Tensor> = [
        ("start".to_owned(), noise(Stream::Start, 0)),
        ("step".to_owned(), Tensor::stack(&all, 0).unwrap()),
        ("posterior".to_owned(), noise(Stream::Condition, 0)),
    ]
    .into();
    safetensors::serialize(&tensors, None).unwrap()
}

#[test]
fn imported_noise_takes_the_place_of_seeds() {
    let pipeline = TinyModel::new(Kind::Release).open();
    let mut list = requests(&pipeline);
    for request in &mut list {
        (request.sampler, request.preset) = (SamplerKind::Ddpm, Preset::Release);
    }
    let seeds: Vec<Seed> = list.iter().map(|request| request.seed).collect();
    let bytes = noise_file(&pipeline, &seeds, 4);
    let noise = ImportedNoise::from_bytes(&bytes, "n.safetensors").unwrap();
    let expected = run(&pipeline, &list);
    for request in &mut list {
        request.seed = Seed(request.seed.0 + 1000);
    }
    let options = RunOptions { noise: Some(&noise), ..RunOptions::default() };
    let outcome = pipeline.generate_with(&list, &options, &Cancel::new(), &mut |_| {}).unwrap();
    let Outcome::Done(images) = outcome else { panic!("nobody cancelled") };
    for (row, (image, expected)) in images.iter().zip(&expected).enumerate() {
        assert_eq!(image.image, expected.image);
        assert_eq!(image.record.noise, Some(NoiseOrigin { blake3: hash_bytes(&bytes), row }));
        assert_eq!(expected.record.noise, None);
    }
    // One image of the batch again: by the row that its record names.
    let last = noise.starting_at(2);
    let options = RunOptions { noise: Some(&last), ..RunOptions::default() };
    let outcome = pipeline.generate_with(&list[2..], &options, &Cancel::new(), &mut |_| {}).unwrap();
    let Outcome::Done(again) = outcome else { panic!("nobody cancelled") };
    assert_eq!((&again[0].image, &again[0].record), (&images[2].image, &images[2].record));
}

#[test]
fn noise_that_does_not_fit_is_refused() {
    let pipeline = TinyModel::new(Kind::Release).open();
    let list = requests(&pipeline);
    let said = |bytes: &[u8], sampler: SamplerKind| {
        let noise = match ImportedNoise::from_bytes(bytes, "n.safetensors") {
            Ok(noise) => noise,
            Err(error) => return error.to_string(),
        };
        let list: Vec<GenerateRequest> = list.iter().map(|request| GenerateRequest { sampler, ..request.clone() }).collect();
        let run = pipeline.generate_with(
            &list,
            &RunOptions { noise: Some(&noise), ..RunOptions::default() },
            &Cancel::new(),
            &mut |_| {},
        );
        run.map(|_| String::new()).unwrap_or_else(|error| error.to_string())
    };
    assert!(said(b"nothing", SamplerKind::Ddpm).contains("n.safetensors cannot be used as noise"));
    assert!(said(&noise_file(&pipeline, &[Seed(1)], 4), SamplerKind::Ddpm).contains("has shape [1, 4, 8, 8]"));
    assert!(said(&noise_file(&pipeline, &[Seed(1); 3], 2), SamplerKind::Ddpm).contains("ends after 2 steps"));
    // A sampler without fresh noise does not miss it; more rows than requests are ignored.
    assert_eq!(said(&noise_file(&pipeline, &[Seed(1); 6], 2), SamplerKind::Ddim), "");
    let file = |name: &str, tensor: Tensor| safetensors::serialize([(name, tensor)], None).unwrap();
    let zeros = || Tensor::zeros((1, 4, 8, 8), DType::F32, &Device::Cpu).unwrap();
    assert!(said(&file("z", zeros()), SamplerKind::Ddim).contains("\"z\" is none of"));
    assert!(said(&file("start", zeros().get(0).unwrap()), SamplerKind::Ddim).contains("3 axes"));
    assert!(said(&file("start", (zeros() / 0.0).unwrap()), SamplerKind::Ddim).contains("NaN"));
}

#[test]
fn without_previews_the_image_is_the_same() {
    let pipeline = TinyModel::new(Kind::Practice).open();
    let list = requests(&pipeline);
    let options = RunOptions { without_previews: true, ..RunOptions::default() };
    let mut steps = 0;
    let outcome = pipeline.generate_with(&list, &options, &Cancel::new(), &mut |event| {
        if let Event::Step { previews, latents, .. } = event {
            assert_eq!((previews.len(), latents.len()), (0, list.len()));
            steps += 1;
        }
    });
    let Outcome::Done(images) = outcome.unwrap() else { panic!("nobody cancelled") };
    assert_eq!(steps, 4);
    for (bare, plain) in images.iter().zip(run(&pipeline, &list)) {
        assert_eq!(bare.image, plain.image);
    }
}

#[test]
fn attention_is_told_on_request_and_changes_nothing() {
    for kind in [Kind::Practice, Kind::TextOnly] {
        let pipeline = TinyModel::new(kind).open();
        let mut list = requests(&pipeline);
        if let Some(annotation) = list[0].annotations.first_mut() {
            annotation.steps = range(0.0, 0.5);
        }
        let told = |list: &[GenerateRequest], blocks: &[usize]| {
            let options = RunOptions { attention: blocks, ..RunOptions::default() };
            let mut told = Vec::new();
            let outcome = pipeline.generate_with(list, &options, &Cancel::new(), &mut |event| {
                if let Event::Attention { step, maps } = event {
                    assert_eq!(step, told.len() + 1);
                    told.push(maps);
                }
            });
            let Outcome::Done(images) = outcome.unwrap() else { panic!("nobody cancelled") };
            (told, images)
        };
        let (steps, images) = told(&list, &[0, 2]);
        assert_eq!(steps.len(), 4);
        for (watched, plain) in images.iter().zip(run(&pipeline, &list)) {
            assert_eq!(watched.image, plain.image);
        }
        for maps in &steps {
            assert_eq!(maps.len(), 3);
            for (map, request) in maps.iter().zip(&list) {
                let texts = pipeline.token_texts(&request.impression).unwrap();
                assert_eq!((map.tokens, map.grid), (texts.len(), 4));
                let sums = (0..16).map(|place| (0..map.tokens).map(|t| map.of_token(t).unwrap()[place]).sum::<f32>());
                assert!(sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-4));
                assert_eq!(map.of_token(map.tokens), None);
            }
        }
        let (alone, _) = told(&list[1..2], &[0, 2]);
        assert!(alone.iter().zip(&steps).all(|(alone, all)| alone[0].tokens == all[1].tokens));
        let close = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(alone.iter().zip(&steps).all(|(alone, all)| close(&alone[0].shares, &all[1].shares)));
        assert!(told(&list, &[]).0.is_empty());
        let options = RunOptions { attention: &[3], ..RunOptions::default() };
        let error = pipeline.generate_with(&list, &options, &Cancel::new(), &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains("blocks 0 to 2"), "{error}");
        assert_eq!(pipeline.token_texts("no acute findings.").unwrap(), ["no", "acute", "findings", ".", ""]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn bits_do_not_depend_on_batch_or_order(
        sampler in 0..SamplerKind::ALL.len(),
        preset in 0usize..3,
        ends in proptest::collection::vec((0.0f32..0.7, 0.3f32..=1.0, 0.0f32..2.0, proptest::option::of(0u32..40)), 4),
        order in Just(vec![0usize, 1, 2]).prop_shuffle(),
        release in any::<bool>(),
    ) {
        let pipeline = TinyModel::new(if release { Kind::Release } else { Kind::Practice }).open();
        let mut list = requests(&pipeline);
        let extra = Annotation::mask(Finding::Edema, Mask::from_fn(40, 64, |x, y| x > 20 && y < 30));
        list[0].annotations.push(extra.clone());
        list[2].annotations.push(extra);
        for request in &mut list {
            request.sampler = SamplerKind::ALL[sampler];
            (request.eta, request.karras) = (0.5, sampler % 2 == 0);
            request.preset = [Preset::Release, Preset::Paper, Preset::Ours][preset];
        }
        let drawn = list.iter_mut().flat_map(|request| &mut request.annotations);
        for (annotation, (first, last, strength, area_px)) in drawn.zip(ends) {
            annotation.steps = range(first.min(last), last);
            (annotation.strength, annotation.area_px) = (strength, area_px);
        }
        let together = run(&pipeline, &list);
        let shuffled: Vec<GenerateRequest> = order.iter().map(|&i| list[i].clone()).collect();
        for (made, &i) in run(&pipeline, &shuffled).iter().zip(&order) {
            prop_assert_eq!(&made.image, &together[i].image, "request {} in another order", i);
        }
        for (request, expected) in list.iter().zip(&together) {
            prop_assert_eq!(&image(&pipeline, request), &expected.image);
        }
    }
}
