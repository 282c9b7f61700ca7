//! From quotas to rows: exact counts by the largest remainder, spread evenly over what was counted before.

use engine::domain::{Finding, Side};
use engine::phantom::{LesionSize, PlacementWish, Zone, has_sizes, possible_sides, possible_zones};
use engine::store::hash::hash_bytes;

use super::recipe::Quotas;
use super::row::{Class, MOST_FINDINGS, Row};
use crate::state::{Group, Sex, View};

/// Rows and what was left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Composed {
    /// In the order of findings, sides, zones, sizes and people.
    pub rows: Vec<Row>,
    /// Choices that the anatomy forbids and that were left out, one sentence each.
    pub left_out: Vec<String>,
}

/// Whole numbers in the ratio of `shares` that add up to `total`; the largest remainders are rounded up, of equal ones
/// the first. All zero where no share is.
pub fn apportion(shares: &[u32], total: usize) -> Vec<usize> {
    apportion_after(shares, total, &vec![0; shares.len()])
}

/// The same where `before` was given already: rounded up is whoever is farthest behind its share of all of it, so that
/// small groups one after another do not all fall to the first choice. No count is a whole unit away from its share.
fn apportion_after(shares: &[u32], total: usize, before: &[u64]) -> Vec<usize> {
    let sum: u64 = shares.iter().map(|&s| u64::from(s)).sum();
    if sum == 0 {
        return vec![0; shares.len()];
    }
    let exact = |i: usize| u64::from(shares[i]) * total as u64;
    let mut counts: Vec<usize> = (0..shares.len()).map(|i| (exact(i) / sum) as usize).collect();
    let all = before.iter().sum::<u64>() + total as u64;
    let behind =
        |i: usize| i128::from(shares[i]) * i128::from(all) - i128::from(sum) * (i128::from(before[i]) + counts[i] as i128);
    let mut order: Vec<usize> = (0..shares.len()).filter(|&i| exact(i) % sum > 0).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(behind(i)));
    let left = total - counts.iter().sum::<usize>();
    for &i in order.iter().take(left) {
        counts[i] += 1;
    }
    counts
}

/// Which choice each of `n` places in a row gets: exact counts in all, and every stretch as even as whole numbers allow.
pub fn spread(shares: &[u32], n: usize) -> Vec<usize> {
    spread_after(shares, n, &vec![0; shares.len()])
}

fn spread_after(shares: &[u32], n: usize, before: &[u64]) -> Vec<usize> {
    let counts = apportion_after(shares, n, before);
    let mut given = vec![0usize; counts.len()];
    let mut out = Vec::with_capacity(n);
    for place in 1..=n {
        // Whoever is farthest behind its share; the differences are compared without fractions.
        let behind = |k: usize| counts[k] as i64 * place as i64 - given[k] as i64 * n as i64;
        let next = (0..counts.len()).filter(|&k| given[k] < counts[k]).max_by_key(|&k| (behind(k), std::cmp::Reverse(k)));
        let Some(next) = next else { break };
        given[next] += 1;
        out.push(next);
    }
    out
}

/// How often each choice was given to the findings so far.
#[derive(Default)]
struct Given {
    sides: Vec<(Side, u64)>,
    zones: Vec<(Zone, u64)>,
    sizes: Vec<(LesionSize, u64)>,
}

/// Composes the rows of quotas; ages within a band follow from `seed` and the row's number.
///
/// # Errors
/// When nothing is asked for, an age band is turned round, or a finding is left without side, zone or size.
pub fn compose(quotas: &Quotas, seed: u64) -> Result<Composed, String> {
    if quotas.rows == 0 || quotas.findings.iter().all(|(_, share)| *share == 0) {
        return Err("the quotas ask for no row; set a number of rows and a share of a finding".to_owned());
    }
    if let Some(band) = quotas.ages.iter().find(|band| band.from > band.to || band.to > 120) {
        return Err(format!("the age band {} to {} is turned round or beyond 120", band.from, band.to));
    }
    let (mut composed, mut given) = (Composed::default(), Given::default());
    let shares: Vec<u32> = quotas.findings.iter().map(|(_, share)| *share).collect();
    for ((class, _), count) in quotas.findings.iter().zip(apportion(&shares, quotas.rows as usize)) {
        let mut rows = vec![Row::new(*class, Side::Both); count];
        if let Class::Finding(finding) = class {
            place(&mut rows, *finding, quotas, &mut given, &mut composed.left_out)?;
        }
        composed.rows.append(&mut rows);
    }
    further(&mut composed, quotas, &mut given)?;
    people(&mut composed.rows, quotas, seed);
    let mut seen = std::collections::HashSet::new();
    composed.left_out.retain(|sentence| seen.insert(sentence.clone()));
    Ok(composed)
}

/// Second and third findings, as many as the shares ask for, each class as often as its share among them.
fn further(composed: &mut Composed, quotas: &Quotas, placed_before: &mut Given) -> Result<(), String> {
    if quotas.together.len() > MOST_FINDINGS {
        return Err(format!(
            "the quotas have shares of {} findings in a row; give at most {MOST_FINDINGS}",
            quotas.together.len()
        ));
    }
    let with: Vec<usize> = (0..composed.rows.len()).filter(|&i| composed.rows[i].class != Class::Normal).collect();
    let shares: Vec<(Finding, u64)> = quotas.findings.iter().filter_map(|(c, n)| Some((c.finding()?, u64::from(*n)))).collect();
    let shares: Vec<(Finding, u64)> = shares.into_iter().filter(|(_, share)| *share > 0).collect();
    let mut given = vec![0u64; shares.len()];
    // The rows that get each class, in their order.
    let mut rows_of: Vec<Vec<usize>> = vec![Vec::new(); shares.len()];
    let mut too_few = 0;
    // Rows stand by class; a stride through them lets every class have its turn.
    let step = stride(with.len());
    let order = (0..with.len()).map(|i| with[i * step % with.len()]);
    for (row, more) in order.zip(spread(&quotas.together, with.len())) {
        let mut has: Vec<Finding> = composed.rows[row].lesions().map(|lesion| lesion.finding).collect();
        for _ in 0..more {
            let free = (0..shares.len()).filter(|&k| !has.contains(&shares[k].0));
            // The class that has got the least of its share; products instead of fractions.
            let next = free.min_by(|&a, &b| (given[a] * shares[b].1).cmp(&(given[b] * shares[a].1)).then(a.cmp(&b)));
            let Some(next) = next else {
                too_few += 1;
                break;
            };
            given[next] += 1;
            has.push(shares[next].0);
            rows_of[next].push(row);
        }
    }
    if too_few > 0 {
        composed.left_out.push(format!("{too_few} rows have fewer findings than asked for: no other class has a share."));
    }
    for ((finding, _), rows) in shares.iter().zip(rows_of) {
        let mut placed = vec![Row::new(Class::Finding(*finding), Side::Both); rows.len()];
        place(&mut placed, *finding, quotas, placed_before, &mut composed.left_out)?;
        // They come sorted by side, zone and size; a stride spreads them over the rows.
        let stride = stride(placed.len());
        for (i, row) in rows.into_iter().enumerate() {
            let lesion = placed.get(i * stride % placed.len().max(1)).and_then(|row| row.lesions().next());
            composed.rows[row].more.extend(lesion);
        }
    }
    Ok(())
}

/// A step through `n` places that reaches all of them and no two neighbours in turn, where there is one.
fn stride(n: usize) -> usize {
    let common = |mut a: usize, mut b: usize| {
        while b > 0 {
            (a, b) = (b, a % b);
        }
        a
    };
    (n * 3 / 8..n).find(|&step| step > 0 && common(step, n) == 1).unwrap_or(1)
}

/// Sides, zones and sizes of the rows of a finding.
fn place(
    rows: &mut [Row],
    finding: Finding,
    quotas: &Quotas,
    given: &mut Given,
    left_out: &mut Vec<String>,
) -> Result<(), String> {
    let title = finding.title();
    let sides = possible_sides(finding);
    let plain: Vec<Side> = sides.iter().copied().filter(|side| sides.len() == 1 || *side != Side::Both).collect();
    let sides = allowed(&quotas.sides, sides, &plain, sides.len() > 1, |side| {
        left_out.push(format!("{title}, side {side}, is left out: the finding does not occur so."));
    });
    let sides = sides.ok_or_else(|| format!("{title} occurs on none of the sides asked for; add one it can have"))?;
    assign(rows, &sides, &mut given.sides, |row, side| row.side = side);
    rows.sort_by_key(|row| row.side);

    let possible = possible_zones(finding);
    let zones = allowed(&quotas.zones, possible, possible, possible.len() > 1, |zone| {
        let wish = PlacementWish { finding, side: sides[0].0, zone: Some(zone), size: None };
        let why = wish.check().err().map_or_else(String::new, |error| format!(": {error}"));
        left_out.push(format!("{title}, zone {}, is left out{why}.", zone.name()));
    });
    let zones = zones.ok_or_else(|| format!("{title} occurs in none of the zones asked for; add one it can have"))?;
    assign(rows, &zones, &mut given.zones, |row, zone| row.zone = Some(zone));
    rows.sort_by_key(|row| (row.side, zone_order(row.zone)));

    if !has_sizes(finding) {
        return Ok(());
    }
    let (mut apical, mut others): (Vec<&mut Row>, Vec<&mut Row>) =
        rows.iter_mut().partition(|row| finding == Finding::Pneumothorax && row.zone == Some(Zone::Apical));
    let sizes = allowed(&quotas.sizes, &LesionSize::ALL, &LesionSize::ALL, true, |_| {});
    let sizes = sizes.ok_or("the shares of all sizes are 0; set one")?;
    assign_to(&mut others, &sizes, &mut given.sizes, |row, size| row.size = Some(size));
    let small: Vec<(LesionSize, u32)> = sizes.iter().copied().filter(|(size, _)| *size != LesionSize::Large).collect();
    if !apical.is_empty() {
        if small.is_empty() {
            return Err("Pneumothorax cannot be large and apical; add another size or the zone whole".to_owned());
        }
        if small.len() < sizes.len() && !quotas.zones.is_empty() {
            left_out.push("Pneumothorax, apical and large, is left out: a large one reaches below the apex.".to_owned());
        }
        assign_to(&mut apical, &small, &mut given.sizes, |row, size| row.size = Some(size));
    }
    rows.sort_by_key(|row| (row.side, zone_order(row.zone), row.size));
    Ok(())
}

/// Shares of the choices that are possible. Without shares, or where nothing can be chosen, the natural ones in equal parts.
fn allowed<T: Copy + PartialEq>(
    asked: &[(T, u32)],
    possible: &[T],
    natural: &[T],
    choosable: bool,
    mut left_out: impl FnMut(T),
) -> Option<Vec<(T, u32)>> {
    if !choosable || asked.is_empty() {
        return Some(natural.iter().map(|choice| (*choice, 1)).collect());
    }
    let mut fits = Vec::new();
    for &(choice, share) in asked.iter().filter(|(_, share)| *share > 0) {
        if possible.contains(&choice) {
            fits.push((choice, share));
        } else {
            left_out(choice);
        }
    }
    (!fits.is_empty()).then_some(fits)
}

fn zone_order(zone: Option<Zone>) -> usize {
    zone.and_then(|zone| Zone::ALL.iter().position(|known| *known == zone)).unwrap_or(Zone::ALL.len())
}

fn assign<T: Copy + PartialEq>(rows: &mut [Row], shares: &[(T, u32)], given: &mut Vec<(T, u64)>, set: impl FnMut(&mut Row, T)) {
    assign_to(&mut rows.iter_mut().collect::<Vec<_>>(), shares, given, set);
}

fn assign_to<T: Copy + PartialEq>(
    rows: &mut [&mut Row],
    shares: &[(T, u32)],
    given: &mut Vec<(T, u64)>,
    mut set: impl FnMut(&mut Row, T),
) {
    let before: Vec<u64> =
        shares.iter().map(|(choice, _)| given.iter().find(|(c, _)| c == choice).map_or(0, |(_, n)| *n)).collect();
    let places = spread_after(&weights(shares), rows.len(), &before);
    for (row, k) in rows.iter_mut().zip(places) {
        let choice = shares[k].0;
        set(row, choice);
        match given.iter_mut().find(|(c, _)| *c == choice) {
            Some((_, n)) => *n += 1,
            None => given.push((choice, 1)),
        }
    }
}

/// Sexes, ages, groups and projections over all rows; each is even within what was given before.
fn people(rows: &mut [Row], quotas: &Quotas, seed: u64) {
    // What was given so far, by which the rows are ordered before the next is given.
    let mut keys: Vec<[usize; 4]> = vec![[0; 4]; rows.len()];
    let mut order: Vec<usize> = (0..rows.len()).collect();
    let bands: Vec<u32> = quotas.ages.iter().map(|band| band.share).collect();
    let columns: [Vec<u32>; 4] = [weights(&quotas.sexes), bands, weights(&quotas.groups), weights(&quotas.views)];
    let classes: Vec<(Class, Side, usize, Option<LesionSize>)> =
        rows.iter().map(|row| (row.class, row.side, zone_order(row.zone), row.size)).collect();
    for (column, shares) in columns.iter().enumerate() {
        order.sort_by_key(|&i| (classes[i].0, classes[i].1, keys[i], classes[i].2, classes[i].3, i));
        for (&i, k) in order.iter().zip(spread(shares, rows.len())) {
            keys[i][column] = k + 1;
        }
    }
    for (i, row) in rows.iter_mut().enumerate() {
        let [sex, band, group, view] = keys[i];
        let at = |k: usize| k.checked_sub(1);
        row.sex = at(sex).map_or(Sex::Unstated, |k| quotas.sexes[k].0);
        row.group = at(group).map_or(Group::Unstated, |k| quotas.groups[k].0);
        row.view = at(view).map_or(View::Unstated, |k| quotas.views[k].0);
        row.age = at(band).map(|k| {
            let band = quotas.ages[k];
            let span = u64::from(band.to - band.from) + 1;
            band.from + (engine::domain::Seed::for_case(seed, &format!("age {}", i + 1)).0 % span) as u32
        });
    }
}

fn weights<T>(shares: &[(T, u32)]) -> Vec<u32> {
    shares.iter().map(|(_, share)| *share).collect()
}

/// Hash of rows, to tell whether two plans are the same.
pub fn rows_hash(rows: &[Row]) -> String {
    hash_bytes(serde_json::to_string(rows).unwrap_or_default().as_bytes())
}

#[cfg(test)]
mod tests;
