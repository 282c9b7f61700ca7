//! Edits of images and of runs on the tiny models.

use std::sync::Arc;

use super::*;
use crate::diffusion::Inversion;
use crate::domain::{LatentValues, Source};
use crate::store::record::RunRecord;

/// A picture with soft structure.
fn picture() -> Arc<GrayImage> {
    let value = |i: u32| {
        let (x, y) = ((i % 64) as f32 / 64.0, (i / 64) as f32 / 64.0);
        0.5 + 0.3 * (6.0 * x).sin() * (5.0 * y + 1.0).cos()
    };
    Arc::new(GrayImage::from_unit(64, 64, &(0..64 * 64).map(value).collect::<Vec<_>>()).unwrap())
}

fn region() -> Arc<Mask> {
    Arc::new(Mask::from_fn(64, 64, |x, y| (x as f32 - 22.0).hypot(y as f32 - 40.0) < 13.0))
}

/// An edit of the region.
fn edit(strength: f32) -> Source {
    Source::Region { image: picture(), may_change: region(), strength, feather_px: 4, kept: None }
}

fn with_source(request: &GenerateRequest, source: Source) -> GenerateRequest {
    GenerateRequest { source, ..request.clone() }
}

fn mean_difference(a: &GrayImage, b: &GrayImage) -> f64 {
    let sum: u64 = a.pixels().iter().zip(b.pixels()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.pixels().len() as f64 / 65535.0
}

/// The noisy latents of the first request after each step.
fn kept_latents(pipeline: &Pipeline, request: &GenerateRequest) -> (Vec<LatentValues>, Generated) {
    let mut kept = Vec::new();
    let mut on_event = |event: Event| {
        if let Event::Step { noisy, .. } = event {
            kept.push(noisy[0].values().unwrap());
        }
    };
    let outcome = pipeline.generate(std::slice::from_ref(request), &Cancel::new(), &mut on_event).unwrap();
    let Outcome::Done(images) = outcome else { panic!("nobody cancelled") };
    (kept, images.into_iter().next().unwrap())
}

#[test]
fn strength_says_how_much_of_an_image_stays() {
    for kind in [Kind::Practice, Kind::Release] {
        let pipeline = TinyModel::new(kind).open();
        for sampler in SamplerKind::ALL {
            let mut base = requests(&pipeline).remove(0);
            (base.sampler, base.num_steps) = (sampler, 8);
            let made = |strength| {
                let request = with_source(&base, Source::Image { image: picture(), strength, kept: None });
                run(&pipeline, &[request]).remove(0)
            };
            let untouched = pipeline.decode(&StepLatent(pipeline.encode_image(&picture(), &mut None).unwrap())).unwrap();
            let none = made(0.0);
            assert_eq!((&none.image, none.record.steps_ran), (&untouched, 0), "{sampler:?}");
            let (some, all) = (made(0.5), made(1.0));
            let calls = sampler.calls(8);
            assert_eq!((some.record.steps_ran, all.record.steps_ran), (calls.div_ceil(2), calls));
            assert_ne!(some.image, none.image);
            assert_ne!(some.image, all.image);
        }
    }
}

#[test]
fn pixels_outside_the_region_are_the_originals() {
    for kind in [Kind::Practice, Kind::Release] {
        let pipeline = TinyModel::new(kind).open();
        for sampler in SamplerKind::ALL {
            for feather_px in [0, 3] {
                let mut base = requests(&pipeline).remove(0);
                base.sampler = sampler;
                let edit = |seed| {
                    let source = Source::Region { image: picture(), may_change: region(), strength: 1.0, feather_px, kept: None };
                    run(&pipeline, &[GenerateRequest { seed: Seed(seed), ..with_source(&base, source) }]).remove(0).image
                };
                let (image, other) = (edit(1), edit(2));
                assert_ne!(image, other, "the seed counts inside");
                for (i, &inside) in region().bits().iter().enumerate() {
                    assert!(inside == 1 || image.pixels()[i] == picture().pixels()[i], "{sampler:?}: pixel {i}");
                }
                let changed = image.pixels().iter().zip(picture().pixels()).filter(|(new, old)| new != old).count();
                assert!(2 * changed > region().area());
            }
        }
    }
}

#[test]
fn a_region_of_nothing_is_the_original_and_the_known_part_is_followed() {
    let pipeline = TinyModel::new(Kind::Practice).open();
    let base = requests(&pipeline).remove(1);
    let source =
        |mask: Mask| Source::Region { image: picture(), may_change: Arc::new(mask), strength: 1.0, feather_px: 2, kept: None };
    let made = |mask: Mask| kept_latents(&pipeline, &with_source(&base, source(mask)));
    let (kept, image) = made(Mask::empty(64, 64));
    assert_eq!(&image.image, picture().as_ref());
    let clean = StepLatent(pipeline.encode_image(&picture(), &mut None).unwrap()).values().unwrap();
    assert_eq!(kept.last(), Some(&clean), "the known latent ends at the original's");
    // Where every pixel may change, the run is the one of an image at full strength.
    let all = made(Mask::from_fn(64, 64, |_, _| true)).1;
    let whole = run(&pipeline, &[with_source(&base, Source::Image { image: picture(), strength: 1.0, kept: None })]).remove(0);
    assert_eq!(all.image, whole.image);
}

#[test]
fn edits_do_not_depend_on_their_batch() {
    for kind in [Kind::Practice, Kind::Release] {
        let pipeline = TinyModel::new(kind).open();
        for sampler in SamplerKind::ALL {
            let mut list = requests(&pipeline);
            list[0].source = edit(1.0);
            list[2].source = Source::Image { image: picture(), strength: 1.0, kept: None };
            for request in &mut list {
                (request.sampler, request.eta) = (sampler, 0.4);
            }
            let together = run(&pipeline, &list);
            for (request, expected) in list.iter().zip(&together) {
                assert_eq!(run(&pipeline, std::slice::from_ref(request))[0].image, expected.image, "{sampler:?}");
            }
            list.reverse();
            let backwards = run(&pipeline, &list);
            assert!(together.iter().zip(backwards.iter().rev()).all(|(a, b)| a.image == b.image));
        }
    }
}

#[test]
fn a_run_goes_on_from_any_kept_step() {
    for kind in [Kind::Practice, Kind::Release] {
        let pipeline = TinyModel::new(kind).open();
        for sampler in SamplerKind::ALL {
            let mut base = requests(&pipeline).remove(0);
            (base.sampler, base.num_steps, base.eta) = (sampler, 6, 0.5);
            let (kept, whole) = kept_latents(&pipeline, &base);
            for step in [1, 3, 5] {
                let fork = with_source(&base, Source::Latent { latent: kept[step - 1].clone(), step });
                let forked = run(&pipeline, std::slice::from_ref(&fork)).remove(0);
                assert_eq!(forked.record.steps_ran, sampler.calls(6) - step);
                // Samplers without a memory go the same way; the others begin theirs anew.
                if matches!(sampler, SamplerKind::Ddpm | SamplerKind::Ddim) {
                    assert_eq!(forked.image, whole.image, "{sampler:?} from step {step}");
                }
                let mut changed = fork.clone();
                changed.impression = "left effusion.".into();
                assert_ne!(run(&pipeline, &[changed])[0].image, forked.image);
                // The record alone makes it again.
                let record = RunRecord::from_json(&forked.record.to_json().unwrap(), "r").unwrap();
                assert_eq!(run(&pipeline, &[record.request])[0].image, forked.image);
            }
        }
    }
}

#[test]
fn an_edit_goes_on_from_any_kept_step_and_the_rest_of_its_image_stays() {
    for kind in [Kind::Practice, Kind::Release] {
        let pipeline = TinyModel::new(kind).open();
        for sampler in SamplerKind::ALL {
            let mut base = requests(&pipeline).remove(0);
            (base.sampler, base.num_steps, base.eta) = (sampler, 6, 0.5);
            for source in [edit(0.8), Source::Image { image: picture(), strength: 0.8, kept: None }] {
                let base = with_source(&base, source);
                let (kept, whole) = kept_latents(&pipeline, &base);
                let (of, first) = (sampler.calls(6), base.source.first_step(sampler.calls(6)));
                for step in [first + 1, of - 1] {
                    let fork = with_source(&base, base.source.from_step(kept[step - first - 1].clone(), step));
                    let forked = run(&pipeline, std::slice::from_ref(&fork)).remove(0);
                    assert_eq!(forked.record.steps_ran, of - step);
                    if matches!(sampler, SamplerKind::Ddpm | SamplerKind::Ddim) {
                        assert_eq!(forked.image, whole.image, "{sampler:?} from step {step}");
                    }
                    let record = RunRecord::from_json(&forked.record.to_json().unwrap(), "r").unwrap();
                    assert_eq!(record.request, fork);
                    assert_eq!(run(&pipeline, &[record.request])[0].image, forked.image, "the record makes it again");
                    // Other words, and another region of the same image.
                    let mut changed = fork.clone();
                    changed.impression = "left effusion.".into();
                    if let Source::Region { may_change, .. } = &mut changed.source {
                        *may_change = Arc::new(Mask::from_fn(64, 64, |x, y| x > 30 && y > 8 && y < 60));
                    }
                    let other = run(&pipeline, std::slice::from_ref(&changed)).remove(0).image;
                    assert_ne!(other, forked.image);
                    let Source::Region { may_change, .. } = &changed.source else { continue };
                    for (i, &inside) in may_change.bits().iter().enumerate() {
                        assert!(inside == 1 || other.pixels()[i] == picture().pixels()[i], "{sampler:?}: pixel {i}");
                    }
                }
            }
        }
    }
}

#[test]
fn inverted_noise_gives_the_image_back() {
    let pipeline = TinyModel::new(Kind::Practice).open();
    let mut base = requests(&pipeline).remove(1);
    (base.num_steps, base.guidance_scale) = (30, 1.0);
    // An image that the model can make: one of its own.
    let image = run(&pipeline, std::slice::from_ref(&base)).remove(0).image;
    let through_latent = pipeline.decode(&StepLatent(pipeline.encode_image(&image, &mut None).unwrap())).unwrap();
    let error = |refinements| {
        let noise = pipeline.invert(&image, &base, Inversion { refinements }, &Cancel::new(), &mut |_| {}).unwrap().unwrap();
        let again = run(&pipeline, &[from_inverted(&base, noise)]).remove(0).image;
        mean_difference(&again, &through_latent)
    };
    let (plain, refined) = (error(0), error(3));
    assert!(refined < 0.002 && refined <= plain, "{plain} {refined}");
    let cancel = Cancel::new();
    cancel.cancel();
    assert!(pipeline.invert(&image, &base, Inversion::default(), &cancel, &mut |_| {}).unwrap().is_none());
}

#[test]
fn a_twin_shares_everything_but_the_findings() {
    let pipeline = TinyModel::new(Kind::Practice).open();
    let sick = requests(&pipeline).remove(0);
    let healthy = sick.twin_without_findings("no acute findings.");
    assert_eq!((healthy.seed, healthy.num_steps, healthy.annotations.len()), (sick.seed, sick.num_steps, 0));
    let both = run(&pipeline, &[sick.clone(), healthy.clone()]);
    assert_ne!(both[0].image, both[1].image);
    assert_eq!(both[1].image, run(&pipeline, &[healthy])[0].image);
    // With the same words and nothing drawn, a twin is the image itself.
    let plain = GenerateRequest { annotations: Vec::new(), ..sick.clone() };
    assert_eq!(sick.twin_without_findings(sick.impression.clone()), plain);
}

#[test]
fn sources_of_another_model_are_refused() {
    let pipeline = TinyModel::new(Kind::Practice).open();
    let base = requests(&pipeline).remove(1);
    let said = |requests: &[GenerateRequest]| pipeline.generate(requests, &Cancel::new(), &mut |_| {}).unwrap_err().to_string();
    let small = Source::Image { image: Arc::new(GrayImage::black(32, 32)), strength: 0.5, kept: None };
    assert!(said(&[with_source(&base, small)]).contains("32×32, but the model makes 64×64"));
    let latent = LatentValues::new(1, 8, 8, vec![0.0; 64]).unwrap();
    assert!(said(&[with_source(&base, Source::Latent { latent, step: 1 })]).contains("another model"));
    let half = with_source(&base, Source::Image { image: picture(), strength: 0.5, kept: None });
    assert!(said(&[base.clone(), half.clone()]).contains("the step they begin with"));
    let bad = Source::Image { image: picture(), strength: 1.5, kept: None };
    assert!(said(&[with_source(&base, bad)]).contains("edit strength"));
    let wide = GrayImage::black(64, 32);
    assert!(pipeline.invert(&wide, &base, Inversion::default(), &Cancel::new(), &mut |_| {}).is_err());
}
