//! A drawing as Mermaid text, which many places show where Markdown is shown.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::layout::{second_line, shown};
use super::trail::{Mark, Trail};
use super::{Chart, Graph, Node, Way};
use crate::definition::StateType;

/// Writes a machine, and what an execution did with it, as a flowchart.
#[must_use]
pub fn mermaid(graph: &Graph, trail: Option<&Trail>) -> String {
    let mut writer = Writer {
        trail,
        ids: HashMap::new(),
        out: "flowchart TD\n".to_owned(),
        links: 0,
        taken: Vec::new(),
    };
    for (at, name) in graph.names().into_iter().enumerate() {
        writer.ids.insert(name.to_owned(), format!("s{at}"));
    }
    writer.say(1, "start((\" \"))");
    writer.chart(&graph.chart, 1);
    if let Some(first) = graph.chart.nodes.get(graph.chart.start) {
        let first = writer.id(&first.name);
        writer.say(1, &format!("start --> {first}"));
    }
    for (class, style) in [
        ("passed", "fill:#e6f4ea,stroke:#1a7f37,color:#1f2328"),
        ("here", "fill:#e8f0fe,stroke:#0969da,color:#1f2328"),
        ("failed", "fill:#ffebe9,stroke:#cf222e,color:#1f2328"),
    ] {
        writer.say(1, &format!("classDef {class} {style}"));
    }
    if !writer.taken.is_empty() {
        let links = writer.taken.join(",");
        writer.say(1, &format!("linkStyle {links} stroke-width:3px"));
    }
    writer.out
}

struct Writer<'a> {
    trail: Option<&'a Trail>,
    ids: HashMap<String, String>,
    out: String,
    /// How many links there are; their styles go by number.
    links: usize,
    taken: Vec<String>,
}

impl Writer<'_> {
    fn say(&mut self, depth: usize, line: &str) {
        // Writing into a text cannot fail.
        let _ = writeln!(self.out, "{}{line}", "  ".repeat(depth));
    }

    fn id(&self, name: &str) -> String {
        self.ids.get(name).cloned().unwrap_or_default()
    }

    fn chart(&mut self, chart: &Chart, depth: usize) {
        for node in &chart.nodes {
            self.node(node, depth);
        }
        for edge in &chart.edges {
            let ends = (chart.nodes.get(edge.from), chart.nodes.get(edge.to));
            let (Some(from), Some(to)) = ends else {
                continue;
            };
            let label = quoted(&shown(&edge.labels).join("\n"));
            let (from_id, to_id) = (self.id(&from.name), self.id(&to.name));
            let line = match (edge.way, edge.labels.is_empty()) {
                (Way::Next, true) => format!("{from_id} --> {to_id}"),
                (Way::Next, false) => format!("{from_id} -->|{label}| {to_id}"),
                (Way::Catch, _) => format!("{from_id} -.->|{label}| {to_id}"),
            };
            self.link(depth, &line, (&from.name, &to.name, edge.way));
        }
    }

    fn link(&mut self, depth: usize, line: &str, (from, to, way): (&str, &str, Way)) {
        self.say(depth, line);
        if self.trail.is_some_and(|trail| trail.way(from, to, way) > 0) {
            self.taken.push(self.links.to_string());
        }
        self.links += 1;
    }

    fn node(&mut self, node: &Node, depth: usize) {
        let id = self.id(&node.name);
        let mark = self.trail.map_or(Mark::Unseen, |it| it.mark(&node.name));
        let class = match mark {
            Mark::Unseen | Mark::Aborted => "",
            Mark::Passed => ":::passed",
            Mark::Here => ":::here",
            Mark::Failed => ":::failed",
        };
        let happened = self.trail.map(|it| it.words(&node.name));
        let below = happened.filter(|it| !it.is_empty());
        let below = below.unwrap_or_else(|| second_line(node));
        let label = quoted(&format!("{}\n{below}", node.name));
        if !node.inside.is_empty() {
            self.say(depth, &format!("subgraph {id}[{label}]"));
            for (at, inner) in node.inside.iter().enumerate() {
                let title = quoted(&inner.title);
                self.say(depth + 1, &format!("subgraph {id}m{at}[{title}]"));
                self.chart(inner, depth + 2);
                self.say(depth + 1, "end");
            }
            self.say(depth, "end");
            if !class.is_empty() {
                let class = class.trim_start_matches(':');
                self.say(depth, &format!("class {id} {class}"));
            }
            return;
        }
        let shape = match node.kind {
            StateType::Choice => format!("{{{label}}}"),
            StateType::Succeed | StateType::Fail => format!("([{label}])"),
            StateType::Wait => format!("[/{label}/]"),
            StateType::Task | StateType::Pass | StateType::Parallel | StateType::Map => {
                format!("[{label}]")
            }
        };
        self.say(depth, &format!("{id}{shape}{class}"));
        for retry in &node.retries {
            let label = quoted(&format!("retry {retry}"));
            let is_taken = self.trail.is_some_and(|it| it.has_retried(&node.name));
            self.say(depth, &format!("{id} -.->|{label}| {id}"));
            if is_taken {
                self.taken.push(self.links.to_string());
            }
            self.links += 1;
        }
    }
}

/// A text in quotes, where nothing of it is taken for Mermaid or for HTML.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        match letter {
            '\n' => out.push_str("<br>"),
            letter if letter.is_control() => out.push(' '),
            '"' | '<' | '>' | '&' | '#' | '`' | '|' | '{' | '}' | '[' | ']' | '(' | ')' | ';'
            | '\\' => {
                let _ = write!(out, "#{};", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}
