//! What a target is sent: everything that one look at the rules had to tell, in one message.

use std::fmt::Write as _;

use domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::rule::Rule;
use super::watch::Turn;
use super::words;

/// One message, the same to every target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Message {
    /// Its id: a message that comes twice has the same one.
    pub(crate) id: String,
    /// When it was written.
    pub(crate) at: Timestamp,
    /// What it tells; nothing when it is a test.
    pub(crate) notices: Vec<Notice>,
}

/// What is told of one alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Notice {
    /// What became of it.
    pub(crate) turn: Turn,
    /// Its rule.
    pub(crate) rule: Rule,
    /// Of what it speaks; empty where there is only one.
    pub(crate) subject: String,
    /// Since when it is, or was, wrong.
    pub(crate) since: Timestamp,
    /// What was found, as a sentence.
    pub(crate) what: String,
}

/// Who writes, for those who get messages of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sender {
    /// What this payhook is called.
    pub(crate) name: String,
    /// Where its dashboard is, without a slash at the end; empty where nobody said.
    pub(crate) dashboard_url: String,
}

impl Notice {
    /// Whether it says that something is wrong now.
    pub(crate) fn is_firing(&self) -> bool {
        match self.turn {
            Turn::Fired | Turn::Worse | Turn::Still => true,
            Turn::Resolved | Turn::Unwatched => false,
        }
    }

    /// What it tells in a line.
    pub(crate) fn headline(&self) -> String {
        let word = match self.turn {
            Turn::Fired => "Alert",
            Turn::Worse => "Worse",
            Turn::Still => "Still",
            Turn::Resolved => "Resolved",
            Turn::Unwatched => "No longer watched",
        };
        let title = words::title(self.rule);
        if self.subject.is_empty() {
            format!("{word}: {title}")
        } else {
            format!("{word}: {title} ({})", self.subject)
        }
    }

    /// Since when, and for how long by `now`.
    pub(crate) fn when(&self, now: Timestamp) -> String {
        let long = words::span(now.since(self.since));
        if self.is_firing() {
            format!("Since {} ({long}).", self.since.to_iso())
        } else {
            format!("It began at {} and lasted {long}.", self.since.to_iso())
        }
    }

    /// What to do; nothing when it is over.
    pub(crate) fn advice(&self) -> Option<&'static str> {
        self.is_firing().then(|| words::advice(self.rule))
    }

    /// The dashboard's page about it, where it can be reached.
    pub(crate) fn link(&self, sender: &Sender) -> Option<String> {
        let url = &sender.dashboard_url;
        (!url.is_empty()).then(|| format!("{url}{}", words::page(self.rule)))
    }
}

impl Message {
    /// A message that only shows whether messages arrive.
    pub(crate) fn test(id: String, at: Timestamp) -> Self {
        Self {
            id,
            at,
            notices: Vec::new(),
        }
    }

    /// Whether it is one that only shows whether messages arrive.
    pub(crate) fn is_test(&self) -> bool {
        self.notices.is_empty()
    }

    /// What it tells in a line: the one thing, or how many.
    pub(crate) fn subject(&self, sender: &Sender) -> String {
        let name = &sender.name;
        if self.is_test() {
            return format!("[{name}] Test: alerts arrive here");
        }
        if let [only] = &self.notices[..] {
            return format!("[{name}] {}", only.headline());
        }
        let firing = self.notices.iter().filter(|notice| notice.is_firing());
        let firing = firing.count();
        let over = self.notices.len() - firing;
        let parts = [(firing, "firing"), (over, "over")];
        let parts = parts.into_iter().filter(|(count, _)| *count > 0);
        let parts: Vec<String> = parts
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        format!("[{name}] Alerts: {}", parts.join(", "))
    }

    /// All of it as plain text.
    pub(crate) fn text(&self, sender: &Sender) -> String {
        let mut text = String::new();
        if self.is_test() {
            text.push_str("Nothing is wrong: somebody asked whether alerts arrive here.\n\n");
        }
        for notice in &self.notices {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}\n{}", notice.headline(), notice.what);
            let _ = writeln!(text, "{}", notice.when(self.at));
            let advice = notice.advice().map(str::to_owned);
            for more in advice.into_iter().chain(notice.link(sender)) {
                let _ = writeln!(text, "{more}");
            }
            text.push('\n');
        }
        let _ = writeln!(text, "-- {} at {}", sender.name, self.at.to_iso());
        text
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sender() -> Sender {
        Sender {
            name: "shop <prod>".to_owned(),
            dashboard_url: "https://pay.example".to_owned(),
        }
    }

    pub(crate) fn notice(turn: Turn, rule: Rule, subject: &str) -> Notice {
        Notice {
            turn,
            rule,
            subject: subject.to_owned(),
            since: Timestamp::from_millis(0),
            what: "3 <things> & more.".to_owned(),
        }
    }

    pub(crate) fn message(notices: Vec<Notice>) -> Message {
        Message {
            id: "msg_1".to_owned(),
            at: Timestamp::from_millis(90_000),
            notices,
        }
    }

    #[test]
    fn a_message_says_what_since_when_and_what_to_do() {
        let fired = notice(Turn::Fired, Rule::DeadLetters, "");
        let over = notice(Turn::Resolved, Rule::QuarantineGrowth, "stripe");
        let one = message(vec![fired.clone()]);
        assert_eq!(
            one.subject(&sender()),
            "[shop <prod>] Alert: Executions wait for a person"
        );
        let both = message(vec![fired, over]);
        assert_eq!(
            both.subject(&sender()),
            "[shop <prod>] Alerts: 1 firing, 1 over"
        );
        assert_eq!(
            both.text(&sender()),
            "Alert: Executions wait for a person\n\
             3 <things> & more.\n\
             Since 1970-01-01T00:00:00.000Z (1 min 30 s).\n\
             See why: `payhook executions list --status dead_letter`. When the reason is gone: \
             `payhook executions redrive ID`.\n\
             https://pay.example/executions?status=dead_letter\n\n\
             Resolved: Deliveries are refused (stripe)\n\
             3 <things> & more.\n\
             It began at 1970-01-01T00:00:00.000Z and lasted 1 min 30 s.\n\
             https://pay.example/quarantine\n\n\
             -- shop <prod> at 1970-01-01T00:01:30.000Z\n"
        );
    }
}
