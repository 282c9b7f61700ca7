use super::*;

fn metrics(step: usize, loss: f64) -> Metrics<'static> {
    Metrics {
        stage: "base",
        step,
        samples: 8 * step as u64,
        ranks: 1,
        loss,
        parts: vec![("mse".to_owned(), loss)],
        levels: std::array::from_fn(|bin| (bin != 3).then_some(bin as f64)),
        grad_norm: 2.0,
        clip_scale: 0.5,
        lr: 1e-4,
        applied: true,
        seconds: 0.25,
        samples_per_sec: 32.0,
        compute: 0.9,
        update: 0.05,
        data_wait: 0.01,
        exchange: 0.0,
        memory_mib: 100.0,
    }
}

#[test]
fn every_number_of_an_update_has_a_tag_in_a_named_group() -> Result<()> {
    let tags: Vec<String> = scalars(&metrics(1, 1.0))?.into_iter().map(|value| value.tag().to_owned()).collect();
    let Value::Object(fields) = serde_json::to_value(metrics(1, 1.0))? else { anyhow::bail!("an object") };
    for (name, value) in fields {
        if (value.is_number() || value.is_boolean()) && name != "step" {
            assert!(tags.contains(&tag(&name)) && !tag(&name).starts_with("other/"), "{name} has no group");
        }
    }
    assert!(tags.contains(&"loss/part_mse".to_owned()) && tags.contains(&"loss_by_noise_level/0.9-1.0".to_owned()));
    assert!(!tags.contains(&level_tag(3)), "a tenth without a row has no loss");
    Ok(())
}

#[test]
fn a_loss_that_is_no_number_is_noted_as_such() -> Result<()> {
    let values = scalars(&metrics(1, f64::NAN))?;
    let loss = values.iter().find(|value| value.tag() == "loss/mean").and_then(|value| value.number());
    assert!(loss.is_some_and(f32::is_nan), "{loss:?}");
    Ok(())
}

#[test]
fn an_event_has_the_bytes_of_the_published_form() {
    let mut event = Event::summary(3, vec![message::scalar("a", 1.0)]);
    event.set_time(0.0);
    // Field 2 = 3; field 5, seven bytes and two: field 1, its seven bytes: field 1 "a", field 2 the float 1.
    assert_eq!(event.bytes(), [0x10, 3, 0x2a, 10, 0x0a, 8, 0x0a, 1, b'a', 0x15, 0, 0, 0x80, 0x3f]);
}

#[test]
fn who_goes_on_opens_the_next_file_also_when_the_clock_went_back() -> Result<()> {
    let dir = tempfile::tempdir()?;
    assert_eq!(next_name(dir.path(), Duration::from_secs(7))?, "events.out.tfevents.0000000007.chexgen");
    std::fs::write(dir.path().join("events.out.tfevents.0000000009.chexgen"), b"")?;
    std::fs::write(dir.path().join("events.out.tfevents.0000000099.other"), b"")?;
    assert_eq!(next_name(dir.path(), Duration::from_secs(7))?, "events.out.tfevents.0000000010.chexgen");
    assert_eq!(next_name(dir.path(), Duration::from_secs(70))?, "events.out.tfevents.0000000070.chexgen");
    let mut first = Events::begin(dir.path(), 0)?;
    assert_eq!(first.note(&metrics(1, 1.0)), None);
    let mut second = Events::begin(dir.path(), 1)?;
    assert_eq!(second.note(&metrics(2, 1.0)), None);
    assert!(first.path < second.path);
    // Where no panel was drawn there is nothing to note.
    assert_eq!(second.picture(dir.path(), 2), None);
    Ok(())
}

#[test]
fn a_file_that_cannot_be_written_is_told_once() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let mut events = Events::begin(dir.path(), 0)?;
    // A handle that may only read stands for the full disk.
    events.file = Some(File::open(&events.path)?);
    let said = events.note(&metrics(1, 1.0)).unwrap_or_default();
    assert!(said.contains("TensorBoard") && said.contains("metrics.jsonl goes on"), "{said}");
    assert_eq!(events.note(&metrics(2, 1.0)), None);
    Ok(())
}
