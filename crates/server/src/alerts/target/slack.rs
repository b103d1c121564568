//! Alerts for chats: what Slack's incoming webhooks take, and with them Mattermost's and the
//! `/slack` URLs of Discord, which read nothing but `text`.

use serde_json::{Value, json};

use super::SendFailure;
use super::http::Post;
use crate::alerts::message::{Message, Notice, Sender};

/// An incoming webhook.
#[derive(Debug)]
pub(crate) struct Slack(Post);

/// Most alerts that are told one by one: a message may have 50 blocks.
const NOTICES_MAX: usize = 20;

/// Longest text beside the blocks, in characters: Discord takes 2000, and reads nothing else.
const TEXT_CHARACTERS_MAX: usize = 1900;

/// Longest text of a block, in characters; Slack takes 3000.
const BLOCK_CHARACTERS_MAX: usize = 2900;

impl Slack {
    /// Posts to it.
    pub(crate) const fn new(post: Post) -> Self {
        Self(post)
    }

    /// Sends a message.
    pub(crate) async fn send(&self, message: &Message, sender: &Sender) -> Result<(), SendFailure> {
        self.0.send(&[], body(message, sender).to_string()).await
    }
}

fn body(message: &Message, sender: &Sender) -> Value {
    let subject = escaped(&message.subject(sender));
    let mut sections = vec![format!("*{subject}*")];
    let told = message.notices.iter().take(NOTICES_MAX);
    sections.extend(told.map(|notice| section(notice, message, sender)));
    let more = message.notices.len().saturating_sub(NOTICES_MAX);
    if more > 0 {
        sections.push(format!("… and {more} more: `payhook alerts list`"));
    }
    let block = |text: &String| {
        let text: String = text.chars().take(BLOCK_CHARACTERS_MAX).collect();
        json!({ "type": "section", "text": { "type": "mrkdwn", "text": text } })
    };
    json!({
        "text": short(&sections),
        "blocks": sections.iter().map(block).collect::<Vec<_>>(),
    })
}

/// As many sections as are taken, and a word of those that are left out.
fn short(sections: &[String]) -> String {
    let mut text = String::new();
    for (told, section) in sections.iter().enumerate() {
        let gap = if text.is_empty() { "" } else { "\n\n" };
        let length = text.chars().count() + gap.len() + section.chars().count();
        if length > TEXT_CHARACTERS_MAX {
            let left = sections.len() - told;
            text += &format!("{gap}… and {left} more: `payhook alerts list`");
            break;
        }
        text += gap;
        text += section;
    }
    text
}

fn section(notice: &Notice, message: &Message, sender: &Sender) -> String {
    let sign = if notice.is_firing() { "🔴" } else { "✅" };
    let mut lines = vec![
        format!("{sign} *{}*", escaped(&notice.headline())),
        escaped(&notice.what),
        notice.when(message.at),
    ];
    lines.extend(notice.advice().map(escaped));
    lines.extend(notice.link(sender).map(|link| escaped(&link)));
    lines.join("\n")
}

/// The three characters that mean something there.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::message::tests::{message, notice, sender};
    use crate::alerts::rule::Rule;
    use crate::alerts::watch::Turn;

    #[test]
    fn a_chat_gets_text_and_blocks_and_nothing_that_it_would_take_for_a_command() {
        let fired = notice(Turn::Fired, Rule::DeadLetters, "");
        let over = notice(Turn::Resolved, Rule::QuarantineGrowth, "stripe");
        let body = body(&message(vec![fired, over]), &sender());
        let text = body["text"].as_str().unwrap();
        assert!(text.starts_with("*[shop &lt;prod&gt;] Alerts: 1 firing, 1 over*\n\n🔴 *Alert: "));
        assert!(text.contains("3 &lt;things&gt; &amp; more."), "{text}");
        assert!(text.contains("https://pay.example/quarantine"), "{text}");
        assert!(!text.contains(['<', '>']), "{text}");
        let blocks = body["blocks"].as_array().unwrap();
        assert_eq!(blocks.len(), 3);
        let second = blocks[1]["text"]["text"].as_str().unwrap();
        assert!(text.contains(second) && second.contains("redrive ID"));
    }

    #[test]
    fn a_chat_gets_no_more_than_it_takes() {
        let mut long = notice(Turn::Fired, Rule::DeadLetters, "");
        long.what = "é".repeat(5000);
        let body = body(&message(vec![long; 60]), &sender());
        let blocks = body["blocks"].as_array().unwrap();
        assert_eq!(blocks.len(), 22);
        for block in blocks {
            assert!(block["text"]["text"].as_str().unwrap().chars().count() <= 3000);
        }
        let last = blocks[21]["text"]["text"].as_str().unwrap();
        assert!(last.ends_with("and 40 more: `payhook alerts list`"));
        let text = body["text"].as_str().unwrap();
        assert!(
            text.ends_with("\n\n… and 21 more: `payhook alerts list`"),
            "{text}"
        );
        assert!(text.chars().count() < 2000 && text.contains("Alerts: 60 firing"));
    }
}
