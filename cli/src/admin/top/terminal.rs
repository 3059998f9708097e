//! A terminal that is drawn on whole: its own screen, keys without Enter, and all as before at the end.

use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crossterm::{
    cursor::{Hide, MoveTo, Show},
    event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers},
    queue,
    style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor},
    terminal::{
        Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
        enable_raw_mode, size,
    },
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
    time::{sleep, timeout},
};

use super::screen::{Line, Tone};

/// How often the thread that reads keys looks whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// End.
    Leave,
    /// The window has another size.
    Redraw,
    /// Time has passed, or somebody asked.
    Refresh,
}

/// The screen. What was there before comes back when it is dropped.
pub(super) struct Terminal<'a, W: Write> {
    out: &'a mut W,
    wishes: mpsc::Receiver<Wish>,
    closed: Arc<AtomicBool>,
}

impl<'a, W: Write> Terminal<'a, W> {
    /// Takes the terminal.
    ///
    /// # Errors
    /// If it cannot be one.
    pub(super) fn open(out: &'a mut W) -> io::Result<Self> {
        let mut ended = [
            signal(SignalKind::terminate())?,
            signal(SignalKind::interrupt())?,
            signal(SignalKind::hangup())?,
        ];
        let (wish, wishes) = mpsc::channel(16);
        enable_raw_mode()?;
        let closed = Arc::new(AtomicBool::new(false));
        let terminal = Self {
            out,
            wishes,
            closed: Arc::clone(&closed),
        };
        queue!(
            terminal.out,
            EnterAlternateScreen,
            Hide,
            Clear(ClearType::All)
        )?;
        let keys = wish.clone();
        thread::spawn(move || read_keys(&keys, &closed));
        tokio::spawn(async move {
            let [terminate, interrupt, hangup] = &mut ended;
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                _ = hangup.recv() => {}
            }
            // Nobody listens any more: it ends anyway.
            let _ = wish.send(Wish::Leave).await;
        });
        Ok(terminal)
    }

    /// Columns.
    pub(super) fn width(&self) -> usize {
        size().map_or(80, |(width, _)| usize::from(width)).max(20)
    }

    /// Puts these lines there, as many as fit.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub(super) fn draw(&mut self, lines: &[Line]) -> io::Result<()> {
        let (width, height) = size().unwrap_or((80, 24));
        for (row, line) in (0..height).zip(lines) {
            let text: String = line.text.chars().take(width.into()).collect();
            queue!(self.out, MoveTo(0, row))?;
            match line.tone {
                Tone::Plain => {}
                Tone::Strong => queue!(self.out, SetAttribute(Attribute::Bold))?,
                Tone::Good => queue!(self.out, SetForegroundColor(Color::Green))?,
                Tone::Warning => queue!(self.out, SetForegroundColor(Color::Yellow))?,
                Tone::Problem => {
                    queue!(
                        self.out,
                        SetForegroundColor(Color::Red),
                        SetAttribute(Attribute::Bold)
                    )?;
                }
            }
            queue!(
                self.out,
                Print(text),
                SetAttribute(Attribute::Reset),
                ResetColor,
                Clear(ClearType::UntilNewLine)
            )?;
        }
        let drawn = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        if drawn < height {
            queue!(self.out, MoveTo(0, drawn), Clear(ClearType::FromCursorDown))?;
        }
        self.out.flush()
    }

    /// Waits for a key or a signal, at most so long.
    ///
    /// # Errors
    /// If keys cannot be read any more.
    pub(super) async fn wait(&mut self, at_most: Duration) -> io::Result<Wish> {
        match timeout(at_most, self.wishes.recv()).await {
            Ok(Some(wish)) => Ok(wish),
            Ok(None) => Err(io::ErrorKind::UnexpectedEof.into()),
            Err(_) => Ok(Wish::Refresh),
        }
    }

    /// Returns once somebody wants to leave.
    pub(super) async fn left(&mut self) {
        loop {
            match self.wishes.recv().await {
                Some(Wish::Leave) | None => return,
                Some(_) => sleep(LOOK_EVERY).await,
            }
        }
    }
}

impl<W: Write> Drop for Terminal<'_, W> {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        // A terminal that is gone needs nothing put back.
        let _ = queue!(self.out, Show, LeaveAlternateScreen);
        let _ = self.out.flush();
        let _ = disable_raw_mode();
    }
}

fn read_keys(wishes: &mpsc::Sender<Wish>, closed: &AtomicBool) {
    while !closed.load(Ordering::Relaxed) {
        let wish = match event::poll(LOOK_EVERY) {
            Ok(false) => continue,
            Ok(true) => event::read().map(wish),
            Err(error) => Err(error),
        };
        match wish {
            Ok(None) => {}
            Ok(Some(wish)) => {
                let _ = wishes.blocking_send(wish);
            }
            Err(_) => {
                let _ = wishes.blocking_send(Wish::Leave);
                return;
            }
        }
    }
}

fn wish(event: Event) -> Option<Wish> {
    match event {
        Event::Resize(..) => Some(Wish::Redraw),
        Event::Key(KeyEvent {
            kind: KeyEventKind::Press,
            code,
            modifiers,
            ..
        }) => match code {
            KeyCode::Char('q' | 'Q') | KeyCode::Esc => Some(Wish::Leave),
            KeyCode::Char('c' | 'd') if modifiers.contains(KeyModifiers::CONTROL) => {
                Some(Wish::Leave)
            }
            KeyCode::Char(' ') | KeyCode::Enter => Some(Wish::Refresh),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_and_ctrl_c_leave() {
        let pressed = |code, modifiers| wish(Event::Key(KeyEvent::new(code, modifiers)));
        let none = KeyModifiers::NONE;
        assert_eq!(pressed(KeyCode::Char('q'), none), Some(Wish::Leave));
        assert_eq!(pressed(KeyCode::Esc, none), Some(Wish::Leave));
        assert_eq!(
            pressed(KeyCode::Char('c'), KeyModifiers::CONTROL),
            Some(Wish::Leave)
        );
        assert_eq!(pressed(KeyCode::Char('c'), none), None);
        assert_eq!(pressed(KeyCode::Char(' '), none), Some(Wish::Refresh));
        assert_eq!(wish(Event::Resize(80, 24)), Some(Wish::Redraw));
    }
}
