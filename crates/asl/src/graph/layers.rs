//! Who stands above whom, and beside whom: layers, and the order in each of them.
//!
//! After Sugiyama, Tagawa and Toda (1981): edges that lead back are turned around, every state
//! stands one layer below the lowest that leads to it, long edges get a place in each layer that
//! they pass, and the order in a layer follows the middle of the neighbours until nothing crosses
//! less. Between two layers of states there is one for the words on edges, so that no word ever
//! stands on a state.

/// A thing with a place in a layer: a state, or a piece of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Node(usize),
    /// A place that an edge passes.
    Bend(usize),
}

/// Layers of items. States stand in even layers, words on edges in odd ones.
#[derive(Debug, Clone)]
pub(super) struct Layers {
    /// Every item; the states come first, in their own order.
    pub(super) items: Vec<Item>,
    /// The items of each layer, from left to right.
    pub(super) rows: Vec<Vec<usize>>,
    /// For each edge its items from the upper end to the lower one, and whether it leads upwards.
    /// Edges from a state to itself have none.
    pub(super) chains: Vec<(Vec<usize>, bool)>,
}

/// Most times that the order of all layers is gone over.
const SWEEPS: usize = 12;

impl Layers {
    /// `edges` are pairs of places below `count`.
    pub(super) fn of(count: usize, start: usize, edges: &[(usize, usize)]) -> Self {
        let (ranks, is_back) = ranks(count, start, edges);
        let mut items: Vec<Item> = (0..count).map(Item::Node).collect();
        let depth = ranks.iter().max().map_or(0, |deepest| deepest * 2 + 1);
        let mut rows: Vec<Vec<usize>> = vec![Vec::new(); depth];
        for (node, rank) in ranks.iter().enumerate() {
            rows[rank * 2].push(node);
        }
        let mut chains = Vec::new();
        for (edge, &(from, to)) in edges.iter().enumerate() {
            if from == to {
                chains.push((Vec::new(), false));
                continue;
            }
            let back = is_back[edge];
            let (upper, lower) = if back { (to, from) } else { (from, to) };
            let mut chain = vec![upper];
            for row in &mut rows[ranks[upper] * 2 + 1..ranks[lower] * 2] {
                let bend = items.len();
                items.push(Item::Bend(edge));
                row.push(bend);
                chain.push(bend);
            }
            chain.push(lower);
            chains.push((chain, back));
        }
        let mut layers = Self {
            items,
            rows,
            chains,
        };
        layers.order();
        layers
    }

    /// The items above and below each item that an edge leads to directly.
    pub(super) fn neighbours(&self) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
        let mut above = vec![Vec::new(); self.items.len()];
        let mut below = vec![Vec::new(); self.items.len()];
        for (chain, _) in &self.chains {
            for pair in chain.windows(2) {
                below[pair[0]].push(pair[1]);
                above[pair[1]].push(pair[0]);
            }
        }
        (above, below)
    }

    fn order(&mut self) {
        let (above, below) = self.neighbours();
        let mut best = (self.crossings(&below), self.rows.clone());
        for sweep in 0..SWEEPS {
            let is_down = sweep % 2 == 0;
            let towards = if is_down { &above } else { &below };
            let mut order: Vec<usize> = (0..self.rows.len()).collect();
            if !is_down {
                order.reverse();
            }
            for row in order {
                let places = places(&self.rows, self.items.len());
                let key = |item: &usize| middle(&towards[*item], &places, places[*item]);
                let mut keyed: Vec<(usize, usize)> = self.rows[row]
                    .iter()
                    .map(|item| (key(item), *item))
                    .collect();
                keyed.sort_by_key(|(key, _)| *key);
                self.rows[row] = keyed.into_iter().map(|(_, item)| item).collect();
            }
            let crossings = self.crossings(&below);
            if crossings < best.0 {
                best = (crossings, self.rows.clone());
            }
        }
        self.rows = best.1;
    }

    fn crossings(&self, below: &[Vec<usize>]) -> usize {
        let places = places(&self.rows, self.items.len());
        let mut count = 0;
        for row in &self.rows {
            let ends: Vec<usize> = row
                .iter()
                .flat_map(|item| {
                    let mut ends: Vec<usize> = below[*item].iter().map(|it| places[*it]).collect();
                    ends.sort_unstable();
                    ends
                })
                .collect();
            for (at, end) in ends.iter().enumerate() {
                count += ends[at + 1..].iter().filter(|later| *later < end).count();
            }
        }
        count
    }
}

/// The place of each item in its row.
fn places(rows: &[Vec<usize>], count: usize) -> Vec<usize> {
    let mut places = vec![0; count];
    for row in rows {
        for (place, item) in row.iter().enumerate() {
            places[*item] = place;
        }
    }
    places
}

/// The middle of the neighbours' places, in thousandths; an item without any stays where it is.
fn middle(neighbours: &[usize], places: &[usize], own: usize) -> usize {
    match neighbours.len() {
        0 => own * 1000,
        count => {
            neighbours
                .iter()
                .map(|it| places[*it] * 1000)
                .sum::<usize>()
                / count
        }
    }
}

/// The layer of each state, and which edges lead back.
fn ranks(count: usize, start: usize, edges: &[(usize, usize)]) -> (Vec<usize>, Vec<bool>) {
    let order = leaving_order(count, start, edges);
    let mut left = vec![0; count];
    for (at, state) in order.iter().enumerate() {
        left[*state] = at;
    }
    // What leads to a state that is left later leads back.
    let is_back: Vec<bool> = edges
        .iter()
        .map(|(from, to)| left[*from] <= left[*to])
        .collect();
    let mut ranks = vec![0; count];
    for &state in order.iter().rev() {
        let own = edges.iter().zip(&is_back);
        for (&(_, to), _) in own.filter(|((from, _), back)| *from == state && !**back) {
            ranks[to] = ranks[to].max(ranks[state] + 1);
        }
    }
    (ranks, is_back)
}

/// The states in the order in which a walk, depth first from the first one, leaves them.
fn leaving_order(count: usize, start: usize, edges: &[(usize, usize)]) -> Vec<usize> {
    let mut is_seen = vec![false; count];
    let mut order = Vec::new();
    let roots = std::iter::once(start).chain(0..count);
    for root in roots.filter(|root| *root < count) {
        let mut stack = vec![(root, false)];
        while let Some((state, is_leaving)) = stack.pop() {
            if is_leaving {
                order.push(state);
                continue;
            }
            if std::mem::replace(&mut is_seen[state], true) {
                continue;
            }
            stack.push((state, true));
            let own = edges.iter().rev().filter(|(from, _)| *from == state);
            for &(_, to) in own.filter(|(_, to)| !is_seen[*to]) {
                stack.push((to, false));
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_stand_below_what_leads_to_them_and_loops_do_not_push_them_down() {
        for (count, edges, expected) in [
            (1, &[][..], &[0][..]),
            (3, &[(0, 1), (1, 2), (0, 2)], &[0, 1, 2]),
            (4, &[(0, 1), (0, 2), (1, 3), (2, 3)], &[0, 1, 1, 2]),
            (3, &[(0, 1), (1, 2), (2, 0), (1, 1)], &[0, 1, 2]),
            (4, &[(0, 3), (3, 1), (1, 2), (0, 2)], &[0, 2, 3, 1]),
        ] {
            assert_eq!(ranks(count, 0, edges).0, expected, "{edges:?}");
        }
    }

    #[test]
    fn an_order_is_found_in_which_nothing_crosses() {
        let edges = [(0, 1), (0, 2), (1, 4), (2, 3), (3, 5), (4, 5)];
        let layers = Layers::of(6, 0, &edges);
        let (_, below) = layers.neighbours();
        assert_eq!(layers.crossings(&below), 0, "{:?}", layers.rows);
    }
}
