//! `payhook top`: the overview in a terminal, fresh every second.

mod screen;
mod window;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::ensure;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyModifiers};

use self::screen::Picture;
use self::window::Window;
use super::Context;
use super::output::Output;
use crate::access::{Access, Purpose};
use crate::desk::{DEAD_LETTER, EventQuery, ExecutionQuery};

/// How often a key is looked for, between two pictures.
const KEY_PAUSE: Duration = Duration::from_millis(50);

/// Most rows of each table that a screen can show.
const ROWS: usize = 50;

/// What to watch.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How often to look, in seconds.
    #[arg(long, short = 'n', default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
}

/// Watches until `q`, Esc or Ctrl-C.
pub(super) async fn run(args: Args, context: &Context) -> anyhow::Result<ExitCode> {
    ensure!(
        std::io::stdout().is_terminal() && !context.output.is_json(),
        "`payhook top` draws on a terminal; for a script there are /metrics, `payhook events list --json` \
         and `payhook executions list --status dead_letter --json`"
    );
    let access = context.access(Purpose::Look).await?;
    let mut terminal = ratatui::try_init()?;
    let every = Duration::from_secs(args.every);
    let watched = watch((&access, context.output), every, &mut terminal).await;
    // The terminal is given back however it ended.
    ratatui::try_restore()?;
    watched?;
    Ok(ExitCode::SUCCESS)
}

async fn watch(
    (access, output): (&Access, Output),
    every: Duration,
    terminal: &mut ratatui::DefaultTerminal,
) -> anyhow::Result<()> {
    let mut window = Window::default();
    loop {
        let picture = Picture {
            has_color: output.has_color(),
            ..look(access, &mut window).await
        };
        let next = Instant::now() + every;
        loop {
            terminal.draw(|frame| screen::draw(frame, &picture))?;
            if pause(next).await? {
                return Ok(());
            }
            if Instant::now() >= next {
                break;
            }
        }
    }
}

/// Waits for a key that ends, for another size of the terminal, or until `next`. Whether to end.
async fn pause(next: Instant) -> anyhow::Result<bool> {
    while Instant::now() < next {
        // Reading the terminal blocks, so it is only read when there is something.
        if !event::poll(Duration::ZERO)? {
            tokio::time::sleep(KEY_PAUSE).await;
            continue;
        }
        match event::read()? {
            Event::Key(key) if ends(key) => return Ok(true),
            Event::Resize(..) => return Ok(false),
            Event::Key(_)
            | Event::FocusGained
            | Event::FocusLost
            | Event::Mouse(_)
            | Event::Paste(_) => {}
        }
    }
    Ok(false)
}

fn ends(key: KeyEvent) -> bool {
    let control = key.modifiers.contains(KeyModifiers::CONTROL);
    key.code == KeyCode::Esc
        || key.code == KeyCode::Char('q')
        || (control && key.code == KeyCode::Char('c'))
}

/// Everything there is to see. What cannot be had is said on the screen: a server that is restarted
/// is there again a moment later.
async fn look(access: &Access, window: &mut Window) -> Picture {
    match ask(access).await {
        Ok((counts, dead, newest)) => {
            window.add(Instant::now(), counts.events);
            Picture {
                rates: window.rates(),
                counts: Some(counts),
                dead,
                newest,
                ..Picture::default()
            }
        }
        Err(trouble) => Picture {
            trouble: Some(format!("{trouble:#}")),
            ..Picture::default()
        },
    }
}

type Asked = (
    crate::view::CountsView,
    Vec<crate::view::ExecutionView>,
    Vec<crate::view::EventView>,
);

async fn ask(access: &Access) -> anyhow::Result<Asked> {
    let counts = access.counts().await?;
    let dead = ExecutionQuery {
        status: Some(DEAD_LETTER.to_owned()),
        limit: Some(ROWS),
        ..ExecutionQuery::default()
    };
    let newest = EventQuery {
        limit: Some(ROWS),
        ..EventQuery::default()
    };
    let dead = access.executions(&dead).await?.items;
    let newest = access.events(&newest).await?.items;
    Ok((counts, dead, newest))
}
