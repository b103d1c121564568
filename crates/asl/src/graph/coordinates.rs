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
                let is_bend = matches!(layers.items.get(item), Some(Item::Bend(_)));
                let (towards, other) = match is_down {
                    true => (&above[item], &below[item]),
                    false => (&below[item], &above[item]),
                };
                // Long edges are to be straight, so their pieces look to both sides.
                let alone: &[usize] = match is_bend || towards.is_empty() {
                    true => other,
                    false => &[],
                };
                let mut sum = 0.0;
                let mut count = 0.0;
                for it in towards.iter().chain(alone) {
                    sum += last[*it];
                    count += 1.0;
                }
                match count > 0.0 {
                    true => (sum / count, if is_bend { 4.0 } else { 1.0 }),
                    false => (last[item], 0.1),
                }
            };
            place(row, reach, &mut middles, wish);
        }
    }
    let lefts = middles.iter().zip(reach).map(|(it, (left, _))| it - left);
    let left = lefts.fold(f64::INFINITY, f64::min);
    middles.iter().map(|middle| middle - left).collect()
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
