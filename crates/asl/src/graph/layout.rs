//! How big everything is, and where it stands: each machine by itself, those inside a state first.

use super::coordinates::{Reach, middles};
use super::layers::{Item, Layers};
use super::{Chart, Edge, Node};

/// A machine that is laid out. Its places are relative to its upper left corner.
#[derive(Debug, Clone)]
pub(super) struct Placed<'g> {
    pub(super) chart: &'g Chart,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) boxes: Vec<Framed<'g>>,
    pub(super) lines: Vec<Line<'g>>,
}

/// A state with its place.
#[derive(Debug, Clone)]
pub(super) struct Framed<'g> {
    pub(super) node: &'g Node,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    /// The machines inside it, each with its place in the state.
    pub(super) inside: Vec<(f64, f64, Placed<'g>)>,
    /// What stands at its right side: the ways from it to itself.
    pub(super) loops: Vec<String>,
}

/// An edge with its course.
#[derive(Debug, Clone)]
pub(super) struct Line<'g> {
    pub(super) edge: &'g Edge,
    /// From the upper end to the lower one.
    pub(super) points: Vec<(f64, f64)>,
    /// Whether it leads from the lower end to the upper one.
    pub(super) is_upward: bool,
    /// The middle of its words, and where the first line of them stands.
    pub(super) label: (f64, f64),
}

/// Height of a state without machines in it, and of the heading of one with them.
pub(super) const STATE_HEIGHT: f64 = 46.0;
/// Height of a line of small letters.
pub(super) const LINE_HEIGHT: f64 = 14.0;
/// Most letters of a name or a word that are shown.
pub(super) const LETTERS_MAX: usize = 44;
/// Most lines of words on an edge.
pub(super) const LABEL_LINES_MAX: usize = 3;
/// Room around the states of a machine.
const PADDING: f64 = 14.0;
/// Room above the first state, for the mark of the start.
const START_HEIGHT: f64 = 22.0;
/// Height of the title of a machine inside a state.
const TITLE_HEIGHT: f64 = 16.0;
/// Least height between two layers of states.
const LAYER_GAP: f64 = 36.0;
/// Room for the arc of a way to itself.
pub(super) const LOOP_WIDTH: f64 = 22.0;

pub(super) fn place(chart: &Chart) -> Placed<'_> {
    let mut boxes: Vec<Framed<'_>> = chart.nodes.iter().map(measure).collect();
    for edge in chart.edges.iter().filter(|edge| edge.from == edge.to) {
        if let Some(own) = boxes.get_mut(edge.from) {
            own.loops.extend(shown(&edge.labels));
        }
    }
    let ends: Vec<(usize, usize)> = chart.edges.iter().map(|it| (it.from, it.to)).collect();
    let layers = Layers::of(boxes.len(), chart.start, &ends);
    let reach: Vec<Reach> = layers
        .items
        .iter()
        .map(|item| reach(item, &boxes, chart))
        .collect();
    let title = if chart.title.is_empty() {
        0.0
    } else {
        TITLE_HEIGHT
    };
    let top = PADDING + START_HEIGHT + title;
    let middles: Vec<f64> = middles(&layers, &reach)
        .iter()
        .map(|middle| middle + PADDING)
        .collect();
    let heights = row_heights(&layers, &boxes, chart);
    let mut tops = Vec::with_capacity(heights.len());
    let mut y = top;
    for height in &heights {
        tops.push(y);
        y += height;
    }
    for (row, items) in layers.rows.iter().enumerate() {
        for item in items {
            if let Some(Item::Node(node)) = layers.items.get(*item) {
                let own = &mut boxes[*node];
                own.x = middles[*item] - own.width / 2.0;
                own.y = tops[row] + (heights[row] - own.height) / 2.0;
            }
        }
    }
    let rights = middles
        .iter()
        .zip(&reach)
        .map(|(it, (_, right))| it + right);
    let course = Course {
        layers: &layers,
        middles: &middles,
        tops: &tops,
        heights: &heights,
    };
    Placed {
        width: rights.fold(0.0, f64::max).max(title_width(chart)) + PADDING,
        height: y + PADDING,
        lines: lines(chart, &course, &boxes),
        boxes,
        chart,
    }
}

fn title_width(chart: &Chart) -> f64 {
    small_width(&chart.title) + PADDING
}

fn measure(node: &Node) -> Framed<'_> {
    let name = name_width(&node.name);
    let about = small_width(&second_line(node)) + 40.0;
    let mut width = name.max(about).max(110.0) + 28.0;
    let mut height = STATE_HEIGHT;
    let mut inside = Vec::new();
    let mut x = PADDING;
    let mut tallest: f64 = 0.0;
    for chart in &node.inside {
        let placed = place(chart);
        tallest = tallest.max(placed.height);
        let right = x + placed.width;
        inside.push((x, STATE_HEIGHT, placed));
        x = right + PADDING;
    }
    if !inside.is_empty() {
        // The words of what happened there are longer than those of the definition.
        width = width.max(x).max(230.0);
        height += tallest + PADDING;
        let used = x;
        for (x, _, _) in &mut inside {
            *x += (width - used) / 2.0;
        }
    }
    let retries = node.retries.iter().map(|it| format!("retry {it}"));
    Framed {
        node,
        x: 0.0,
        y: 0.0,
        width,
        height,
        inside,
        loops: shown(&retries.collect::<Vec<String>>()),
    }
}

/// The type, and what the state does beyond it.
pub(super) fn second_line(node: &Node) -> String {
    let kind = node.kind.as_str();
    let end = if node.is_end && kind != "Succeed" && kind != "Fail" {
        " · end"
    } else {
        ""
    };
    match node.about.as_str() {
        "" => format!("{kind}{end}"),
        about => format!("{kind} · {}{end}", cut(about)),
    }
}

/// How far an item reaches to both sides of its middle.
fn reach(item: &Item, boxes: &[Framed<'_>], chart: &Chart) -> Reach {
    match item {
        Item::Node(node) => {
            let own = &boxes[*node];
            let words = own.loops.iter().map(|it| small_width(it));
            let beside = match own.loops.is_empty() {
                true => 0.0,
                false => LOOP_WIDTH + words.fold(0.0, f64::max) + 6.0,
            };
            (own.width / 2.0, own.width / 2.0 + beside)
        }
        Item::Bend(edge) => {
            let words = shown(&chart.edges[*edge].labels);
            let widest = words.iter().map(|it| small_width(it)).fold(0.0, f64::max);
            (widest / 2.0 + 3.0, widest / 2.0 + 3.0)
        }
    }
}

fn row_heights(layers: &Layers, boxes: &[Framed<'_>], chart: &Chart) -> Vec<f64> {
    let tallest = |items: &Vec<usize>| {
        let heights = items.iter().map(|item| match layers.items.get(*item) {
            Some(Item::Node(node)) => boxes[*node].height,
            Some(Item::Bend(edge)) => {
                let lines = shown(&chart.edges[*edge].labels).len();
                LINE_HEIGHT * count(lines) + LAYER_GAP
            }
            None => 0.0,
        });
        heights.fold(0.0, f64::max)
    };
    let rows = layers.rows.iter().enumerate();
    rows.map(|(row, items)| match row % 2 {
        // Long edges pass a layer of states without words.
        0 => {
            let nodes: Vec<usize> = items
                .iter()
                .copied()
                .filter(|item| matches!(layers.items.get(*item), Some(Item::Node(_))))
                .collect();
            tallest(&nodes)
        }
        _ => tallest(items).max(LAYER_GAP),
    })
    .collect()
}

/// What an edge's course is made from.
struct Course<'a> {
    layers: &'a Layers,
    middles: &'a [f64],
    tops: &'a [f64],
    heights: &'a [f64],
}

fn lines<'g>(chart: &'g Chart, course: &Course<'_>, boxes: &[Framed<'_>]) -> Vec<Line<'g>> {
    let ports = Ports::of(course);
    let mut row_of = vec![0; course.layers.items.len()];
    for (row, items) in course.layers.rows.iter().enumerate() {
        for item in items {
            row_of[*item] = row;
        }
    }
    let mut lines = Vec::new();
    for (at, edge) in chart.edges.iter().enumerate() {
        let (chain, is_upward) = &course.layers.chains[at];
        let [upper, bends @ .., lower] = chain.as_slice() else {
            continue;
        };
        let (Some(upper), Some(lower)) = (boxes.get(*upper), boxes.get(*lower)) else {
            continue;
        };
        let (from, to) = ports.ends[at];
        let middle = |own: &Framed<'_>| own.x + own.width / 2.0;
        let mut points = vec![(middle(upper) + from, upper.y + upper.height)];
        for bend in bends {
            let (row, x) = (row_of[*bend], course.middles[*bend]);
            let (top, height) = (course.tops[row], course.heights[row]);
            // Through a layer of states it goes straight down; through words, at their middle.
            if row % 2 == 0 {
                points.push((x, top));
                points.push((x, top + height));
            } else {
                points.push((x, top + height / 2.0));
            }
        }
        points.push((middle(lower) + to, lower.y));
        let worded = if *is_upward {
            bends.last()
        } else {
            bends.first()
        };
        let label = worded.map_or((0.0, 0.0), |bend| {
            let row = row_of[*bend];
            let lines = count(shown(&edge.labels).len());
            let middle = course.tops[row] + course.heights[row] / 2.0;
            (
                course.middles[*bend],
                middle - LINE_HEIGHT * (lines - 1.0) / 2.0 + 4.0,
            )
        });
        lines.push(Line {
            edge,
            points,
            is_upward: *is_upward,
            label,
        });
    }
    lines
}

/// Where at a state's lower and upper side each edge begins and ends, from the side's middle.
struct Ports {
    ends: Vec<(f64, f64)>,
}

/// Room between two edges at one side of a state.
const PORT_GAP: f64 = 18.0;

impl Ports {
    fn of(course: &Course<'_>) -> Self {
        let chains = &course.layers.chains;
        let mut ends = vec![(0.0, 0.0); chains.len()];
        for node in 0..course.layers.items.len() {
            for (edge, offset) in spread(course, node, below) {
                ends[edge].0 = offset;
            }
            for (edge, offset) in spread(course, node, above) {
                ends[edge].1 = offset;
            }
        }
        Self { ends }
    }
}

/// What an edge that begins in an item leads to first.
fn below(chain: &[usize], item: usize) -> Option<usize> {
    let begins = chain.first() == Some(&item);
    begins.then(|| chain.get(1).copied()).flatten()
}

/// Where an edge that ends in an item comes from last.
fn above(chain: &[usize], item: usize) -> Option<usize> {
    let ends = chain.last() == Some(&item);
    let last = chain.len().checked_sub(2)?;
    ends.then(|| chain.get(last).copied()).flatten()
}

/// The edges at one side of an item, from left to right by where they come from or lead to.
fn spread(
    course: &Course<'_>,
    item: usize,
    next: fn(&[usize], usize) -> Option<usize>,
) -> Vec<(usize, f64)> {
    let chains = course.layers.chains.iter().enumerate();
    let mut edges: Vec<(f64, usize)> = chains
        .filter_map(|(edge, (chain, _))| Some((course.middles[next(chain, item)?], edge)))
        .collect();
    edges.sort_by(|one, other| one.0.total_cmp(&other.0));
    let half = (count(edges.len()) - 1.0) / 2.0;
    let places = edges.into_iter().enumerate();
    places
        .map(|(at, (_, edge))| (edge, (count(at) - half) * PORT_GAP))
        .collect()
}

/// The words of an edge as they are drawn: cut, and not too many.
pub(super) fn shown(labels: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = labels
        .iter()
        .take(LABEL_LINES_MAX)
        .map(|label| cut(label))
        .collect();
    if labels.len() > LABEL_LINES_MAX {
        lines.pop();
        lines.push(format!("and {} more", labels.len() + 1 - LABEL_LINES_MAX));
    }
    lines
}

/// A text with at most as many letters as are shown.
pub(super) fn cut(text: &str) -> String {
    if text.chars().count() <= LETTERS_MAX {
        return text.to_owned();
    }
    text.chars().take(LETTERS_MAX - 1).chain(['…']).collect()
}

/// The width of a name, in the letters that names are drawn with. Estimated: what draws the text
/// is not here.
fn name_width(text: &str) -> f64 {
    count(cut(text).chars().count()) * 8.2
}

/// The width of words in small letters.
pub(super) fn small_width(text: &str) -> f64 {
    count(text.chars().count()) * 6.2
}

/// A small number.
fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::definition::StateType;
    use crate::graph::Way;

    fn node(at: usize, inside: Vec<Chart>) -> Node {
        Node {
            name: format!("State {at}"),
            kind: StateType::Task,
            about: String::new(),
            comment: None,
            is_end: false,
            retries: Vec::new(),
            inside,
            is_apart: false,
        }
    }

    fn chart(count: usize, ends: &[(usize, usize, bool)], inside: &[Chart]) -> Chart {
        let nodes = (0..count).map(|at| node(at, inside.get(at).cloned().into_iter().collect()));
        let edges = ends.iter().map(|(from, to, is_caught)| Edge {
            from: from % count,
            to: to % count,
            way: if *is_caught { Way::Catch } else { Way::Next },
            labels: vec!["any error".to_owned(); usize::from(*is_caught)],
        });
        Chart {
            title: "branch 1".to_owned(),
            start: 0,
            nodes: nodes.collect(),
            edges: edges.collect(),
        }
    }

    fn check(placed: &Placed<'_>) {
        for (at, one) in placed.boxes.iter().enumerate() {
            assert!(
                one.x >= 0.0 && one.x + one.width <= placed.width,
                "{placed:?}"
            );
            assert!(
                one.y >= 0.0 && one.y + one.height <= placed.height,
                "{placed:?}"
            );
            for other in &placed.boxes[at + 1..] {
                let beside = one.x + one.width <= other.x || other.x + other.width <= one.x;
                let above = one.y + one.height <= other.y || other.y + other.height <= one.y;
                assert!(beside || above, "{placed:?}");
            }
            for (x, y, inner) in &one.inside {
                assert!(*x >= 0.0 && x + inner.width <= one.width, "{placed:?}");
                assert!(y + inner.height <= one.height, "{placed:?}");
                check(inner);
            }
        }
        for line in &placed.lines {
            let (first, last) = (line.points.first(), line.points.last());
            assert!(
                first
                    .zip(last)
                    .is_some_and(|(first, last)| first.1 < last.1)
            );
        }
    }

    proptest! {
        #[test]
        fn states_never_overlap_and_stay_in_their_machine(
            count in 1_usize..9,
            ends in prop::collection::vec((0_usize..9, 0_usize..9, any::<bool>()), 0..18),
            inner in prop::collection::vec((0_usize..9, 0_usize..9, any::<bool>()), 0..8),
        ) {
            let inside = chart(3, &inner, &[]);
            check(&place(&chart(count, &ends, &[inside])));
        }
    }
}
