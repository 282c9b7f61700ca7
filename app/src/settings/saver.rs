//! Writes settings on a thread of their own, soon after they change and at the end.

use std::io;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::{Settings, file};

/// How long changes are gathered, as while a divider is dragged.
const PAUSE: Duration = Duration::from_millis(150);

enum Command {
    Write(Box<Settings>),
    PutAside,
}

/// A handle on the thread; dropping it waits for the last write.
pub struct Saver {
    commands: Option<Sender<Command>>,
    said: Receiver<String>,
    thread: Option<JoinHandle<()>>,
    last: Settings,
    /// Whether the file on disk must not be touched.
    held: bool,
}

impl Saver {
    /// Starts the thread; `held` leaves the file alone until [`Saver::put_aside`].
    ///
    /// # Errors
    /// When the system starts no thread.
    pub fn start(folder: PathBuf, settings: Settings, held: bool, wake: impl Fn() + Send + 'static) -> io::Result<Self> {
        let (commands, inbox) = bounded(64);
        let (say, said) = bounded(8);
        let thread = thread::Builder::new().name("settings".to_owned()).spawn(move || {
            let tell = |sentence: String| {
                if say.try_send(sentence).is_ok() {
                    wake();
                }
            };
            run(&folder, &inbox, &tell);
        })?;
        Ok(Self { commands: Some(commands), said, thread: Some(thread), last: settings, held })
    }

    /// Writes the settings if they differ from the last ones.
    pub fn step(&mut self, settings: &Settings) {
        if !self.held && *settings != self.last {
            // A slow disk takes them a frame later.
            if self.send(Command::Write(Box::new(settings.clone()))) {
                self.last = settings.clone();
            }
        }
    }

    /// Whether the file is left alone because it could not be read.
    pub fn is_held(&self) -> bool {
        self.held
    }

    /// Puts the file that could not be read aside; from here on settings are written.
    pub fn put_aside(&mut self, settings: &Settings) {
        if self.held && self.send(Command::PutAside) {
            self.held = false;
            if self.send(Command::Write(Box::new(settings.clone()))) {
                self.last = settings.clone();
            }
        }
    }

    /// One sentence on what went wrong, if anything did.
    pub fn poll(&self) -> Option<String> {
        self.said.try_recv().ok()
    }

    /// Whether the thread took it.
    fn send(&self, command: Command) -> bool {
        self.commands.as_ref().is_some_and(|c| c.try_send(command).is_ok())
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        self.commands = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the settings' thread stopped in the middle");
        }
    }
}

fn run(folder: &std::path::Path, inbox: &Receiver<Command>, tell: &dyn Fn(String)) {
    let mut waiting: Option<Box<Settings>> = None;
    loop {
        let next = match &waiting {
            None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(_) => inbox.recv_timeout(PAUSE),
        };
        match next {
            Ok(Command::Write(settings)) => waiting = Some(settings),
            Ok(Command::PutAside) => {
                if let Err(error) = file::put_aside(folder) {
                    tell(format!("The old settings could not be put aside: {error}."));
                }
            }
            Err(end) => {
                if let Some(settings) = waiting.take()
                    && let Err(error) = file::write(folder, &settings)
                {
                    tell(format!("The settings could not be saved: {error} ({}).", folder.display()));
                }
                if end == RecvTimeoutError::Disconnected {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_change_is_written_before_the_end() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut saver = Saver::start(dir.path().into(), Settings::default(), false, || {}).expect("a thread");
        for percent in [90, 120, 175] {
            saver.step(&Settings { text_percent: percent, ..Settings::default() });
        }
        drop(saver);
        assert_eq!(file::read(dir.path()).map(|s| s.text_percent), Ok(175));
    }

    #[test]
    fn a_file_that_cannot_be_read_stays_until_it_is_put_aside() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join(file::FILE_NAME);
        std::fs::write(&path, "{").expect("writable");
        let mut saver = Saver::start(dir.path().into(), Settings::default(), true, || {}).expect("a thread");
        let settings = Settings { text_percent: 120, ..Settings::default() };
        saver.step(&settings);
        // What waits is written before the end.
        drop(saver);
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "{");
        let mut saver = Saver::start(dir.path().into(), Settings::default(), true, || {}).expect("a thread");
        saver.put_aside(&settings);
        drop(saver);
        assert_eq!(file::read(dir.path()), Ok(settings));
        assert_eq!(std::fs::read_to_string(dir.path().join("settings-damaged-1.json")).expect("kept"), "{");
    }
}
