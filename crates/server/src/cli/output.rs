//! How things are printed: text for people, JSON for scripts, colour only where it is seen.

use std::io::{IsTerminal as _, Write as _};

use clap::ValueEnum;
use serde::Serialize;

/// When to colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The printer that every verb uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    json: bool,
    color: bool,
}

/// What a piece of text says, from which its colour follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// It is as it should be.
    Good,
    /// It wants attention.
    Warning,
    /// It is wrong.
    Bad,
    /// It is beside the point.
    Faint,
    /// It is a heading.
    Strong,
}

impl Output {
    /// A printer.
    #[expect(
        clippy::disallowed_methods,
        reason = "NO_COLOR is a convention of the environment"
    )]
    pub(crate) fn new(json: bool, choice: ColorChoice) -> Self {
        let color = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                std::io::stdout().is_terminal()
                    && std::env::var("NO_COLOR").map_or(true, |value| value.is_empty())
            }
        };
        Self {
            json,
            color: color && !json,
        }
    }

    /// Whether JSON was asked for.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// Whether colours are shown.
    pub(crate) fn has_color(self) -> bool {
        self.color
    }

    /// Prints one line of text. A reader that went away (`| head`) is no error.
    pub(crate) fn line(self, text: impl AsRef<str>) {
        let mut stdout = std::io::stdout().lock();
        // The reader closed the pipe: nobody is left to tell.
        let _ = writeln!(stdout, "{}", text.as_ref());
    }

    /// Prints one value as JSON: indented for a terminal, one line otherwise.
    pub(crate) fn json(self, value: &impl Serialize) -> anyhow::Result<()> {
        let text = if std::io::stdout().is_terminal() {
            serde_json::to_string_pretty(value)?
        } else {
            serde_json::to_string(value)?
        };
        self.line(text);
        Ok(())
    }

    /// Prints rows under headings, no wider than the terminal.
    pub(crate) fn table<const N: usize>(self, headings: [&str; N], rows: Vec<[String; N]>) {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::NOTHING);
        table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
        table.set_header(headings.map(|heading| self.paint(Tone::Strong, heading)));
        for row in rows {
            table.add_row(row);
        }
        self.line(table.trim_fmt());
    }

    /// Prints what went wrong on standard error, with its causes, and as JSON if asked.
    pub(crate) fn error(self, error: &anyhow::Error) {
        let mut stderr = std::io::stderr().lock();
        let text = if self.json {
            serde_json::json!({ "error": format!("{error:#}") }).to_string()
        } else {
            format!("{} {error:#}", self.paint(Tone::Bad, "error:"))
        };
        // There is nowhere left to say that standard error is gone.
        let _ = writeln!(stderr, "{text}");
    }

    /// `text` in its tone's colour, where colours are shown.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> String {
        if !self.color {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Warning => "33",
            Tone::Bad => "31",
            Tone::Faint => "2",
            Tone::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}
