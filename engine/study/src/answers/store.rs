//! The SQLite file under the answers: opening, checking, adding.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::event::{Entry, first_hash, next_hash};
use crate::error::StudyError;
use crate::sealed::short;

/// Everything the file has besides rows; a file with anything else was made by another program.
const SCHEMA: &str = include_str!("schema.sql");
/// Marks the file: "CxAn".
const APPLICATION_ID: i32 = 0x4378_416e;
const VERSION: i32 = 1;
/// Longest event in bytes.
const MAX_BODY: usize = 256 << 10;
/// Most events.
const MAX_EVENTS: i64 = 5_000_000;
/// How long another program, such as a backup, is waited for.
const BUSY: Duration = Duration::from_millis(300);

/// What a file says about itself and all its events, chain checked.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) study: String,
    pub(super) reader: String,
    pub(super) entries: Vec<Entry>,
    pub(super) head: String,
}

/// Opens a file for one window alone, made when missing. `None` of the log means that it is new.
pub(super) fn open(path: &Path) -> Result<(Connection, Option<Log>), StudyError> {
    let file = path.display().to_string();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let fail = |error| failure(&file, &error);
    let connection = Connection::open_with_flags(path, flags).map_err(fail)?;
    connection.busy_timeout(BUSY).map_err(fail)?;
    // Held until the connection closes, and by the system given up when the process dies.
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE").map_err(fail)?;
    connection.pragma_update(None, "trusted_schema", false).map_err(fail)?;
    let new = is_new(&connection).map_err(fail)?;
    if !new {
        check_mark(&connection, &file)?;
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(fail)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(fail)?;
    connection.execute_batch("BEGIN IMMEDIATE; COMMIT").map_err(fail)?;
    let log = if new { None } else { Some(load(&connection, &file)?) };
    Ok((connection, log))
}

/// Fills a new file.
pub(super) fn begin(connection: &Connection, file: &str, study: &str, reader: &str) -> Result<String, StudyError> {
    let fail = |error| not_saved(file, &error);
    connection.execute_batch("BEGIN IMMEDIATE").map_err(fail)?;
    let filled = connection
        .execute_batch(SCHEMA)
        .and_then(|()| connection.pragma_update(None, "application_id", APPLICATION_ID))
        .and_then(|()| connection.pragma_update(None, "user_version", VERSION))
        .and_then(|()| connection.execute("INSERT INTO about (id, study, reader) VALUES (1, ?1, ?2)", (study, reader)))
        .and_then(|_| connection.execute_batch("COMMIT"));
    if let Err(error) = filled {
        undo(connection);
        return Err(fail(error));
    }
    Ok(first_hash(study, reader))
}

/// Adds an event; it is on the disk when this returns. Gives the new head of the chain.
pub(super) fn append(connection: &Connection, file: &str, entry: &Entry, before: &str) -> Result<String, StudyError> {
    let body = serde_json::to_string(entry).map_err(|error| StudyError::input(file, error.to_string()))?;
    if body.len() > MAX_BODY {
        return Err(StudyError::NotSaved { file: file.to_owned(), reason: "the text is too long; shorten it".to_owned() });
    }
    let hash = next_hash(before, &body);
    let seq = i64::try_from(entry.seq).unwrap_or(i64::MAX);
    let added = connection.execute("INSERT INTO events (seq, body, hash) VALUES (?1, ?2, ?3)", (seq, &body, &hash));
    if let Err(error) = added {
        undo(connection);
        return Err(not_saved(file, &error));
    }
    Ok(hash)
}

/// Gives up a transaction that a failure may have left open; SQLite often has done so itself.
fn undo(connection: &Connection) {
    if !connection.is_autocommit() {
        drop(connection.execute_batch("ROLLBACK"));
    }
}

/// Writes one closed copy without a log beside it.
pub(super) fn copy(connection: &Connection, file: &str, to: &Path) -> Result<(), StudyError> {
    let to = to.to_str().ok_or_else(|| StudyError::input(to.display().to_string(), "the name is not UTF-8; choose another"))?;
    connection.execute("VACUUM INTO ?1", [to]).map(drop).map_err(|error| not_saved(file, &error))
}

/// Reads a file that no window has open, without changing it.
pub(super) fn read(path: &Path) -> Result<Log, StudyError> {
    let file = path.display().to_string();
    if !path.is_file() {
        let kind = if path.is_dir() { std::io::ErrorKind::IsADirectory } else { std::io::ErrorKind::NotFound };
        return Err(StudyError::unreadable(path, &kind.into()));
    }
    let fail = |error| failure(&file, &error);
    let connection = open_to_read(path).map_err(fail)?;
    connection.busy_timeout(BUSY).map_err(fail)?;
    connection.pragma_update(None, "trusted_schema", false).map_err(fail)?;
    if is_new(&connection).map_err(fail)? {
        return Err(foreign(&file));
    }
    check_mark(&connection, &file)?;
    load(&connection, &file)
}

/// Opens a file so that nothing is left beside it.
///
/// SQLite makes two files beside one that has had a write-ahead log, also where it only reads, and cannot on a disk that is
/// read-only. Where no log and no journal is there, no window works with the file and all of it is in the file itself: then
/// SQLite is told that nothing will change.
fn open_to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let has = |ending: &str| {
        let mut beside = path.as_os_str().to_owned();
        beside.push(ending);
        Path::new(&beside).exists()
    };
    match path.to_str() {
        Some(text) if !has("-wal") && !has("-journal") => {
            let address = format!("file:{}?immutable=1", escaped(text));
            Connection::open_with_flags(address, flags | OpenFlags::SQLITE_OPEN_URI)
        }
        _ => Connection::open_with_flags(path, flags),
    }
}

/// A path inside of an address: all but plain letters as their bytes.
fn escaped(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn is_new(connection: &Connection) -> rusqlite::Result<bool> {
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0)
}

fn foreign(file: &str) -> StudyError {
    StudyError::input(file, "this is no file of answers (.cxanswers); choose one that `chexgen-studio read` made")
}

/// The mark, the version, and that the file holds our tables and nothing else that could act when it is read.
fn check_mark(connection: &Connection, file: &str) -> Result<(), StudyError> {
    let fail = |error| failure(file, &error);
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    if number("application_id").map_err(fail)? != APPLICATION_ID {
        return Err(foreign(file));
    }
    let version = number("user_version").map_err(fail)?;
    if version != VERSION {
        let what = format!("the answers are of version {version}, and this program reads version {VERSION}; use a later program");
        return Err(StudyError::input(file, what));
    }
    let ours = Connection::open_in_memory().and_then(|memory| {
        memory.execute_batch(SCHEMA)?;
        parts(&memory)
    });
    if parts(connection).map_err(fail)? != ours.map_err(fail)? {
        return Err(StudyError::broken_answers(file, "it holds other tables than answers"));
    }
    Ok(())
}

fn parts(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let mut query =
        connection.prepare("SELECT name, substr(coalesce(sql, ''), 1, 4000) FROM sqlite_schema ORDER BY name LIMIT 100")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

fn load(connection: &Connection, file: &str) -> Result<Log, StudyError> {
    let fail = |error| failure(file, &error);
    let changed = |what: String| StudyError::broken_answers(file, what);
    let about = connection.query_row("SELECT study, reader FROM about", [], |row| Ok((row.get(0)?, row.get(1)?)));
    let (study, reader): (String, String) = about.map_err(|_| changed("it does not say whose answers it holds".to_owned()))?;
    let count: i64 = connection.query_row("SELECT count(*) FROM events", [], |row| row.get(0)).map_err(fail)?;
    if count > MAX_EVENTS {
        return Err(changed(format!("it holds {count} events, more than anybody can make")));
    }
    let mut head = first_hash(&study, &reader);
    let mut entries = Vec::new();
    let limited = format!("SELECT seq, substr(body, 1, {}), substr(hash, 1, 65) FROM events ORDER BY seq", MAX_BODY + 1);
    let mut query = connection.prepare(&limited).map_err(fail)?;
    let mut rows = query.query([]).map_err(fail)?;
    while let Some(row) = rows.next().map_err(fail)? {
        let place = entries.len() as u64 + 1;
        let broken = || changed(format!("the chain of events breaks at event {place}"));
        let read = || -> rusqlite::Result<(i64, String, String)> { Ok((row.get(0)?, row.get(1)?, row.get(2)?)) };
        let (seq, body, hash) = read().map_err(|_| broken())?;
        head = next_hash(&head, &body);
        if u64::try_from(seq) != Ok(place) || head != hash {
            return Err(broken());
        }
        let entry: Entry = serde_json::from_str(&body).map_err(|error| changed(format!("event {place}: {error}")))?;
        if entry.seq != place {
            return Err(broken());
        }
        entries.push(entry);
    }
    Ok(Log { study, reader, entries, head })
}

/// The sentence of a file that cannot be opened or read.
fn failure(file: &str, error: &rusqlite::Error) -> StudyError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StudyError::InUse { file: file.to_owned() },
        Some(ErrorCode::NotADatabase) => foreign(file),
        Some(ErrorCode::DatabaseCorrupt) => StudyError::broken_answers(file, "the file is damaged"),
        Some(ErrorCode::CannotOpen) => {
            let reason = "its folder is missing, or cannot be written to".to_owned();
            StudyError::Unreadable { path: file.into(), reason }
        }
        Some(ErrorCode::DiskFull) => not_saved(file, error),
        _ => StudyError::Unreadable { path: file.into(), reason: error.to_string() },
    }
}

/// The sentence of an event that could not be added.
fn not_saved(file: &str, error: &rusqlite::Error) -> StudyError {
    let reason = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full; free some space and try again".to_owned(),
        Some(ErrorCode::SystemIoFailure) => "the disk cannot be written to; free some space or mend it, and try again".to_owned(),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            "the file cannot be written to; allow it and try again".to_owned()
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => return StudyError::InUse { file: file.to_owned() },
        _ => format!("{error}; try again"),
    };
    StudyError::NotSaved { file: file.to_owned(), reason }
}

/// The sentence of a file that belongs to another study or reader.
pub(super) fn check_owner(log: &Log, file: &str, study: &str, reader: &str) -> Result<(), StudyError> {
    if log.study != study {
        let what = format!("it holds answers to study {}, and this is study {}", short(&log.study), short(study));
        return Err(StudyError::mismatch(file, what));
    }
    if log.reader != reader {
        return Err(StudyError::mismatch(file, format!("it holds the answers of {:?}, not of {reader:?}", log.reader)));
    }
    Ok(())
}
