//! Where in its layer each item stands: as near as can be to the middle of its neighbours, in the
//! order of the layer, and without touching the one beside it.

use super::layers::{Item, Layers};

/// How far an item reaches to the left and to the right of its middle.
pub(super) type Reach = (f64, f64);

/// Free room between two items.
const GAP: f64 = 26.0;

/// Times that all layers are gone over, downwards and upwards.
const SWEEPS: usize = 30;

/// The middle of each item; the leftmost item begins at 0.
pub(super) fn middles(layers: &Layers, reach: &[Reach]) -> Vec<f64> {
    let (above, below) = layers.neighbours();
    let mut middles = vec![0.0; layers.items.len()];
    for row in &layers.rows {
        place(row, reach, &mut middles, |_| (0.0, 1.0));
    }
    for sweep in 0..SWEEPS {
        let is_down = sweep % 2 == 0;
        let mut order: Vec<&Vec<usize>> = layers.rows.iter().collect();
        if !is_down {
            order.reverse();
        }
        for row in order {
            let last = middles.clone();
            let wish = |item: usize| {
                let (towards, other) = match is_down {
                    true => (&above[item], &below[item]),
                    false => (&below[item], &above[item]),
                };
                match layers.items.get(item) {
                    Some(Item::Bend(edge)) => along(layers, *edge, towards, &last),
                    Some(Item::Node(_)) | None => {
                        let near = if towards.is_empty() { other } else { towards };
                        match mean(near, &last) {
                            Some(mean) => (mean, 1.0),
                            None => (last[item], 0.1),
                        }
                    }
                }
            };
            place(row, reach, &mut middles, wish);
        }
    }
    let lefts = middles.iter().zip(reach).map(|(it, (left, _))| it - left);
    let left = lefts.fold(f64::INFINITY, f64::min);
    middles.iter().map(|middle| middle - left).collect()
}

/// Where a piece of an edge wishes to be: straight below or above the next piece, and the last of
/// them in the middle between the edge's ends. An edge of one piece is straight at one end.
fn along(layers: &Layers, edge: usize, towards: &[usize], last: &[f64]) -> (f64, f64) {
    let next = towards.first();
    let piece = next.filter(|next| matches!(layers.items.get(**next), Some(Item::Bend(_))));
    if let Some(piece) = piece {
        return (last[*piece], 8.0);
    }
    let ends: &[usize] = match layers.chains.get(edge) {
        Some((chain, _)) if chain.len() > 3 => chain,
        Some(_) | None => towards,
    };
    let ends: Vec<usize> = ends
        .first()
        .into_iter()
        .chain(ends.last())
        .copied()
        .collect();
    (mean(&ends, last).unwrap_or(0.0), 4.0)
}

fn mean(items: &[usize], middles: &[f64]) -> Option<f64> {
    let mut sum = 0.0;
    let mut count = 0.0;
    for item in items {
        sum += middles[*item];
        count += 1.0;
    }
    (count > 0.0).then(|| sum / count)
}

/// Places the items of one row: the least sum of squared distances from their wishes that keeps
/// them apart, by pooling neighbours that want to overlap.
fn place(row: &[usize], reach: &[Reach], middles: &mut [f64], wish: impl Fn(usize) -> (f64, f64)) {
    // Each block: its items' common place, its weight, and how many items it has.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    let mut offsets = Vec::with_capacity(row.len());
    let mut offset = 0.0;
    let mut last: Option<usize> = None;
    for &item in row {
        if let Some(last) = last {
            offset += reach[last].1 + GAP + reach[item].0;
        }
        last = Some(item);
        offsets.push(offset);
        let (wanted, weight) = wish(item);
        let mut block = (wanted - offset, weight, 1);
        while let Some(&(place, heavy, count)) = blocks.last() {
            if place <= block.0 {
                break;
            }
            blocks.pop();
            let both = heavy + block.1;
            block = (
                (place * heavy + block.0 * block.1) / both,
                both,
                count + block.2,
            );
        }
        blocks.push(block);
    }
    let places = blocks
        .iter()
        .flat_map(|(place, _, count)| std::iter::repeat_n(*place, *count));
    for ((item, offset), place) in row.iter().zip(&offsets).zip(places) {
        middles[*item] = place + offset;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_a_row_never_touch_whatever_they_wish() {
        for wishes in [[0.0, 0.0, 0.0], [300.0, 0.0, -300.0], [0.0, 500.0, 510.0]] {
            let reach = [(20.0, 20.0), (50.0, 10.0), (5.0, 5.0)];
            let mut middles = vec![0.0; 3];
            place(&[0, 1, 2], &reach, &mut middles, |item| (wishes[item], 1.0));
            for at in 0..2 {
                let free = middles[at + 1] - reach[at + 1].0 - middles[at] - reach[at].1;
                assert!(free >= GAP - 1e-9, "{wishes:?} {middles:?}");
            }
        }
    }
}
