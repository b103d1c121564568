//! A drawing as SVG: one text, without scripts or anything from elsewhere.
//!
//! Whoever cannot see it hears its title and its description; what happened to a state is said in
//! words and in a sign as well as in a colour.

use std::fmt::Write as _;

use super::layout::{
    Framed, LINE_HEIGHT, Line, Placed, STATE_HEIGHT, cut, place, second_line, shown,
};
use super::trail::{Mark, Trail};
use super::{Chart, Graph, Node, Way};
use crate::definition::StateType;

/// Where the drawing is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// By itself: with its own colours, light or dark as the viewer likes it.
    Alone,
    /// In a page that has colours for its classes: `state`, `passed`, `here`, `failed`, `edge`,
    /// `taken`, `catch`, `inner`, `name`, `kind`, `words`.
    InPage,
}

/// Draws a machine, and what an execution did with it.
#[must_use]
pub fn svg(graph: &Graph, trail: Option<&Trail>, look: Look) -> String {
    let placed = place(&graph.chart);
    let mut painter = Painter {
        trail,
        out: String::new(),
    };
    let (width, height) = (placed.width, placed.height);
    // A page knows what an svg is; a file has to say so.
    let namespace = match look {
        Look::Alone => " xmlns=\"http://www.w3.org/2000/svg\"",
        Look::InPage => "",
    };
    painter.say(format_args!(
        "<svg{namespace} class=\"flow\" viewBox=\"0 0 {width:.0} \
         {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" \
         aria-labelledby=\"flow-title\" aria-describedby=\"flow-words\">"
    ));
    let title = match &graph.comment {
        Some(comment) => format!("State machine: {comment}"),
        None => "State machine".to_owned(),
    };
    painter.element("title", "id=\"flow-title\"", &title);
    let words = description(graph, trail);
    painter.element("desc", "id=\"flow-words\"", &words);
    if look == Look::Alone {
        painter.out.push_str(STYLE);
    }
    painter.out.push_str(ARROWS);
    painter.machine(&placed, (0.0, 0.0));
    painter.out.push_str("</svg>\n");
    painter.out
}

struct Painter<'a> {
    trail: Option<&'a Trail>,
    out: String,
}

impl Painter<'_> {
    fn say(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing into a text cannot fail.
        let _ = self.out.write_fmt(text);
    }

    fn element(&mut self, name: &str, attributes: &str, text: &str) {
        let text = escaped(text);
        self.say(format_args!("<{name} {attributes}>{text}</{name}>"));
    }

    fn machine(&mut self, placed: &Placed<'_>, (x, y): (f64, f64)) {
        if !placed.chart.title.is_empty() {
            let (width, height) = (placed.width, placed.height);
            self.say(format_args!(
                "<rect class=\"inner\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
                 height=\"{height:.1}\" rx=\"8\"/>"
            ));
            let place = format!(
                "class=\"words\" x=\"{:.1}\" y=\"{:.1}\"",
                x + 10.0,
                y + 17.0
            );
            self.element("text", &place, &placed.chart.title);
        }
        if let Some(first) = placed.boxes.get(placed.chart.start) {
            let (middle, top) = (x + first.x + first.width / 2.0, y + first.y);
            let is_seen = self.is_seen(&first.node.name);
            let class = self.edge_class(is_seen, Way::Next);
            let arrow = if is_seen {
                "flow-arrow-taken"
            } else {
                "flow-arrow"
            };
            self.say(format_args!(
                "<circle class=\"start\" cx=\"{middle:.1}\" cy=\"{:.1}\" r=\"4\"/><path \
                 class=\"{class}\" d=\"M{middle:.1} {:.1}V{:.1}\" marker-end=\"url(#{arrow})\"/>",
                top - 21.0,
                top - 17.0,
                top - 1.0,
            ));
        }
        for line in &placed.lines {
            self.line(placed.chart, line, (x, y));
        }
        for own in &placed.boxes {
            self.state(own, (x + own.x, y + own.y));
        }
        // Words stand over everything that they might touch.
        for line in &placed.lines {
            let (middle, mut top) = (x + line.label.0, y + line.label.1);
            for words in shown(&line.edge.labels) {
                let place = format!("class=\"words on\" x=\"{middle:.1}\" y=\"{top:.1}\"");
                self.element("text", &place, &words);
                top += LINE_HEIGHT;
            }
        }
    }

    fn line(&mut self, chart: &Chart, line: &Line<'_>, (x, y): (f64, f64)) {
        let name = |at: usize| chart.nodes.get(at).map_or("", |node| node.name.as_str());
        let (from, to) = (name(line.edge.from), name(line.edge.to));
        let is_taken = self
            .trail
            .is_some_and(|trail| trail.way(from, to, line.edge.way) > 0);
        let class = self.edge_class(is_taken, line.edge.way);
        let mut path = String::new();
        let mut last: Option<(f64, f64)> = None;
        for (px, py) in &line.points {
            let (px, py) = (x + px, y + py);
            let _ = match last {
                None => write!(path, "M{px:.1} {py:.1}"),
                Some((_, ly)) => {
                    let middle = f64::midpoint(ly, py);
                    let (lx, _) = last.unwrap_or((px, py));
                    write!(
                        path,
                        "C{lx:.1} {middle:.1} {px:.1} {middle:.1} {px:.1} {py:.1}"
                    )
                }
            };
            last = Some((px, py));
        }
        let (marker, arrow) = match (line.is_upward, is_taken) {
            (true, true) => ("marker-start", "flow-back-taken"),
            (true, false) => ("marker-start", "flow-back"),
            (false, true) => ("marker-end", "flow-arrow-taken"),
            (false, false) => ("marker-end", "flow-arrow"),
        };
        self.say(format_args!(
            "<path class=\"{class}\" d=\"{path}\" {marker}=\"url(#{arrow})\"><title>"
        ));
        let when = line.edge.labels.join("; ");
        let when = if when.is_empty() {
            String::new()
        } else {
            format!(" ({when})")
        };
        let title = escaped(&format!("{from} → {to}{when}"));
        self.say(format_args!("{title}</title></path>"));
    }

    fn edge_class(&self, is_taken: bool, way: Way) -> String {
        let way = match way {
            Way::Next => "",
            Way::Catch => " catch",
        };
        let taken = if is_taken { " taken" } else { "" };
        format!("edge{way}{taken}")
    }

    fn is_seen(&self, state: &str) -> bool {
        self.trail
            .is_some_and(|trail| trail.visits(state).entered > 0)
    }

    fn state(&mut self, own: &Framed<'_>, (x, y): (f64, f64)) {
        let node = own.node;
        let mark = self
            .trail
            .map_or(Mark::Unseen, |trail| trail.mark(&node.name));
        let (class, sign) = match mark {
            Mark::Unseen => ("", ""),
            Mark::Passed => (" passed", "✓ "),
            Mark::Here => (" here", "… "),
            Mark::Aborted => (" aborted", "– "),
            Mark::Failed => (" failed", "! "),
        };
        let words = self.trail.map(|trail| trail.words(&node.name));
        let happened = words.filter(|words| !words.is_empty());
        let (width, height) = (own.width, own.height);
        let round = match node.kind {
            StateType::Choice => 22.0,
            StateType::Succeed | StateType::Fail => 14.0,
            StateType::Task
            | StateType::Pass
            | StateType::Wait
            | StateType::Parallel
            | StateType::Map => 6.0,
        };
        let kind = node.kind.as_str().to_lowercase();
        self.say(format_args!("<g class=\"state {kind}{class}\"><title>"));
        let title = escaped(&in_full(node, happened.as_deref()));
        self.say(format_args!("{title}</title>"));
        if node.kind == StateType::Map {
            // One more sheet behind it: it happens several times.
            self.say(format_args!(
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
                 rx=\"{round}\"/>",
                x + 4.0,
                y + 4.0
            ));
        }
        self.say(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             rx=\"{round}\"/>"
        ));
        let middle = x + width / 2.0;
        let place = format!("class=\"name\" x=\"{middle:.1}\" y=\"{:.1}\"", y + 20.0);
        self.element("text", &place, &format!("{sign}{}", cut(&node.name)));
        let below = happened.unwrap_or_else(|| second_line(node));
        let place = format!(
            "class=\"kind\" x=\"{middle:.1}\" y=\"{:.1}\"",
            y + STATE_HEIGHT - 10.0
        );
        self.element("text", &place, &cut(&below));
        self.say(format_args!("</g>"));
        self.loops(own, (x, y));
        for (dx, dy, inner) in &own.inside {
            self.machine(inner, (x + dx, y + dy));
        }
    }

    /// Ways from a state to itself: an arc at its right side, and what they are.
    fn loops(&mut self, own: &Framed<'_>, (x, y): (f64, f64)) {
        if own.loops.is_empty() {
            return;
        }
        let is_taken = self.trail.is_some_and(|it| it.has_retried(&own.node.name));
        let class = self.edge_class(is_taken, Way::Next);
        let (right, top) = (x + own.width, y + 14.0);
        let arrow = if is_taken {
            "flow-arrow-taken"
        } else {
            "flow-arrow"
        };
        self.say(format_args!(
            "<path class=\"{class} retry\" d=\"M{right:.1} {top:.1}c20 0 20 18 2 18\" \
             marker-end=\"url(#{arrow})\"/>"
        ));
        let mut y = y + 27.0;
        for words in &own.loops {
            let place = format!("class=\"words\" x=\"{:.1}\" y=\"{y:.1}\"", right + 20.0);
            self.element("text", &place, words);
            y += LINE_HEIGHT;
        }
    }
}

/// Everything about a state.
fn in_full(node: &Node, happened: Option<&str>) -> String {
    let mut words = format!("{} ({})", node.name, node.kind.as_str());
    for more in [Some(node.about.as_str()), happened, node.comment.as_deref()] {
        if let Some(more) = more.filter(|more| !more.is_empty()) {
            words += "\n";
            words += more;
        }
    }
    for retry in &node.retries {
        words += "\nretry ";
        words += retry;
    }
    words
}

/// For whoever cannot see it.
fn description(graph: &Graph, trail: Option<&Trail>) -> String {
    let names = graph.names();
    let Some(trail) = trail else {
        return format!("{} states: {}.", names.len(), names.join(", "));
    };
    let mut words = String::new();
    for name in names {
        let happened = trail.words(name);
        if !happened.is_empty() {
            let _ = write!(words, "{name}: {happened}. ");
        }
    }
    match words.is_empty() {
        true => "No state was entered.".to_owned(),
        false => words.trim_end().to_owned(),
    }
}

/// A text as it may stand in XML: letters that XML cannot hold are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(letter),
            letter if letter.is_control() || matches!(letter, '\u{fffe}' | '\u{ffff}') => {}
            letter => out.push(letter),
        }
    }
    out
}

/// Heads of arrows; those that lead upwards stand at the beginning of their path.
const ARROWS: &str = "<defs>\
<marker id=\"flow-arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
markerHeight=\"7\" orient=\"auto\"><path class=\"head\" d=\"M0 0L8 4L0 8z\"/></marker>\
<marker id=\"flow-arrow-taken\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"5\" \
markerHeight=\"5\" orient=\"auto\"><path class=\"head taken\" d=\"M0 0L8 4L0 8z\"/></marker>\
<marker id=\"flow-back\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
markerHeight=\"7\" orient=\"auto-start-reverse\"><path class=\"head\" d=\"M0 0L8 4L0 8z\"/>\
</marker>\
<marker id=\"flow-back-taken\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"5\" \
markerHeight=\"5\" orient=\"auto-start-reverse\"><path class=\"head taken\" \
d=\"M0 0L8 4L0 8z\"/></marker></defs>";

/// The colours of a drawing that stands by itself.
const STYLE: &str = "<style>\
.flow{font-family:system-ui,sans-serif;background:#fff}\
.flow text{fill:#57606a;font-size:11px}\
.flow .state text{text-anchor:middle}\
.flow .name{font-size:13px;font-weight:600;fill:#1f2328}\
.flow .words.on{text-anchor:middle;stroke:#fff;stroke-width:4px;paint-order:stroke}\
.flow rect{fill:#f6f8fa;stroke:#8c959f;stroke-width:1.3}\
.flow .inner{fill:#fff;stroke-dasharray:4 3}\
.flow .start,.flow .head{fill:#6e7781}\
.flow .edge{fill:none;stroke:#8c959f;stroke-width:1.3}\
.flow .edge.catch{stroke-dasharray:5 3;stroke:#a0522d}\
.flow .edge.taken{stroke:#1f2328;stroke-width:2.2}\
.flow .head.taken{fill:#1f2328}\
.flow .passed>rect{fill:#e6f4ea;stroke:#1a7f37}\
.flow .here>rect{fill:#e8f0fe;stroke:#0969da;stroke-width:2.4}\
.flow .failed>rect{fill:#ffebe9;stroke:#cf222e;stroke-width:2.4}\
@media (prefers-color-scheme:dark){\
.flow{background:#0d1117}\
.flow text{fill:#9198a1}.flow .name{fill:#f0f6fc}\
.flow .words.on{stroke:#0d1117}\
.flow rect{fill:#161b22;stroke:#6e7681}.flow .inner{fill:#0d1117}\
.flow .edge{stroke:#6e7681}.flow .edge.catch{stroke:#d2a679}\
.flow .edge.taken{stroke:#f0f6fc}.flow .start,.flow .head{fill:#8b949e}\
.flow .head.taken{fill:#f0f6fc}\
.flow .passed>rect{fill:#12261e;stroke:#3fb950}\
.flow .here>rect{fill:#121d2f;stroke:#4493f8}\
.flow .failed>rect{fill:#25171c;stroke:#f85149}}\
</style>";
