//! The control socket: how `status`, `down` and the watchers reach a running supervisor.
//!
//! Newline JSON, one request per line. A connection that follows is told about commits and leaves its cursor;
//! it reads the lines themselves from the journal, so a slow watcher costs the supervisor nothing.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

use super::care::Care;
use super::footing::FileId;
use super::part::keep_running;
use super::readers::{Place, Readers};
use super::relay::Relayer;
use super::reload::{Look, Outcome, Reloaded, Reloading};
use super::room::Host;
use super::root::Asker;
use super::shift::Attendant;
use super::signals::Trigger;
use super::status::{self, ReaderStatus};
use super::task::Task;
use crate::clock::{Clock, rfc3339_ms};
use crate::error::{Error, Kind, Result};
use crate::event::ids::ChatId;
use crate::event::{Storage, StorageState};
use crate::journal::{Advanced, Cursors, Heard};
use crate::transport::Call;
use crate::transport::verbs::Posted;

/// The protocol's version; a client of another one is told so.
pub const VERSION: u32 = 1;

/// Clients at one time that have asked for something. More wait.
const CLIENTS_MAX: usize = 128;

/// Clients at one time that have not said yet what they want, or wait for their turn. More wait in the kernel's queue.
const NEW_MAX: usize = 512;

/// As long as there are no more of them than this, a new client is given all the time it may need.
const UNHURRIED_MAX: usize = 64;

/// Else who says nothing makes room for others soon.
const HURRIED: Duration = Duration::from_millis(250);

/// Clients at one time that stay: watchers, and holders of sessions. They take no place of those who ask.
const STAYING_MAX: usize = 512;

/// A request is a few names and numbers, or a message to be sent: those have at most 150 KB, escaped.
const REQUEST_MAX: u64 = 512 * 1024;

/// How long a client may take to say what it wants, or to take an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a send goes on whose verb was killed over it: the answer may be on its way. One that waits for a limit to pass
/// is given up with its verb.
const LINGER: Duration = Duration::from_secs(1);

/// How often a verb hears that its errand is being worked at.
pub const WORKING_EVERY: Duration = Duration::from_millis(250);

/// Commits are told at most this often; a reader reads all there is anyway.
const TELL_EVERY: Duration = Duration::from_micros(200);

/// Longest path of a socket, with room to spare on every Unix.
const PATH_MAX: usize = 100;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub v: u32,
    pub op: Op,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// To be added, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<ChatId>,
    /// The id of a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errand: Option<Errand>,
}

/// A call that a verb wants made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Errand {
    pub profile: String,
    /// As the verb knows it: where the profile was changed meanwhile, the verb goes its own way.
    pub app_id: String,
    pub patience_ms: u64,
    pub call: Call,
}

/// What a supervisor says to a request that it does not know: one of an older version, to some of ours.
pub const UNKNOWN: &str = "the request is not one this supervisor knows";

/// The `subtype` of the refusal of an errand that has to go another way.
pub const ELSEWHERE: &str = "elsewhere";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    Status,
    Stop,
    /// Tell about commits until the connection ends.
    Follow,
    /// Store a cursor.
    Cursor,
    /// Look at the profiles.
    Reload,
    /// Make a call for a verb.
    Call,
    /// Compare the list of a profile's chats with the platform's, for a verb.
    Chats,
    /// Look at the sessions of the profiles named: a command has changed them.
    Session,
    /// Look at the room `chat`: a command has changed it.
    Room,
    /// Hold the session `held` of the profile named until the connection ends.
    Hold,
    /// Move a cursor forward to a line that is there.
    Ack,
}

impl Request {
    pub fn new(op: Op) -> Request {
        Request {
            v: VERSION,
            op,
            cursor: None,
            seq: None,
            profiles: Vec::new(),
            chat: None,
            held: None,
            errand: None,
        }
    }
}

/// What a following client is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    pub newest: u64,
    /// How the disk is, where that has changed and is not as it should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
}

/// The answer to an acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acked {
    pub ok: bool,
    pub cursor: String,
    /// Where the cursor stands now.
    pub seq: u64,
    /// False when it stood there or further already.
    pub moved: bool,
}

/// Where a home's socket is. A path that is too long for a socket has a short one in its place.
pub fn path(home: &Path) -> Result<PathBuf> {
    let path = home.join("data/rooma.sock");
    if path.as_os_str().len() <= PATH_MAX {
        return Ok(path);
    }
    let home = std::path::absolute(home).unwrap_or_else(|_| home.to_owned());
    let name = crate::journal::fingerprint_hex("home", &home.display().to_string());
    Ok(super::lock::folder()?.join(format!("{name}.sock")))
}

/// What the control socket works with.
#[derive(Clone)]
pub struct Control {
    pub asker: Asker,
    pub reloading: Reloading,
    pub attendant: Attendant,
    pub host: Host,
    pub relay: Relayer,
    pub care: Care,
    pub trigger: Arc<Trigger>,
    pub newest: watch::Receiver<u64>,
    pub cursors: Cursors,
    pub heard: Heard,
    pub readers: Readers,
    pub clock: Clock,
    /// How the disk is.
    pub storage: watch::Receiver<Storage>,
    /// The journal's file.
    pub journal: PathBuf,
}

/// How many clients of each kind there may be.
#[derive(Clone)]
struct Places {
    new: Arc<Semaphore>,
    asking: Arc<Semaphore>,
    staying: Arc<Semaphore>,
}

impl Places {
    /// How long a client may take to say what it wants.
    fn patience(&self) -> Duration {
        let new = NEW_MAX - self.new.available_permits();
        if new > UNHURRIED_MAX { HURRIED } else { PATIENCE }
    }
}

/// A listening socket; gone with it.
pub struct Listening {
    control: Control,
    path: PathBuf,
    /// Which file it made.
    id: Option<FileId>,
    task: Task,
}

impl Control {
    /// Listens at `path`. The caller holds the home's lock, so a socket that is there already is a dead one.
    pub fn listen(self, path: PathBuf) -> Result<Listening> {
        let cannot = |error: std::io::Error| {
            Error::storage(format!("failed to listen at {}: {error}", path.display()))
        };
        match std::fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(cannot(error)),
        }
        let listener = UnixListener::bind(&path).map_err(cannot)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(cannot)?;
        let id = FileId::named(&path);
        let (control, listener) = (self.clone(), Arc::new(listener));
        let accepting = move || control.clone().accept(Arc::clone(&listener));
        let task = keep_running("control", None, self.care.appender(), accepting);
        Ok(Listening { control: self, path, id, task })
    }

    async fn accept(self, listener: Arc<UnixListener>) {
        let places = Places {
            new: Arc::new(Semaphore::new(NEW_MAX)),
            asking: Arc::new(Semaphore::new(CLIENTS_MAX)),
            staying: Arc::new(Semaphore::new(STAYING_MAX)),
        };
        let mut refused = 0_u32;
        loop {
            let Ok(new) = Arc::clone(&places.new).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, _)) => {
                    crate::fault::may_panic("control");
                    refused = 0;
                    let (control, places) = (self.clone(), places.clone());
                    tokio::spawn(async move {
                        if let Err(error) = control.serve(stream, new, &places).await {
                            tracing::debug!(%error, "a control client was refused");
                        }
                    });
                }
                Err(error) => {
                    // Out of file descriptors, most likely: others may free some.
                    if refused == 0 {
                        tracing::warn!(%error, "the control socket does not accept");
                    }
                    refused = refused.saturating_add(1);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// The place is given back once it is known that the client stays, or at the end.
    async fn serve(self, stream: UnixStream, new: OwnedSemaphorePermit, places: &Places) -> Result<()> {
        if !is_ours(&stream) {
            return Err(Error::validation("it belongs to another user"));
        }
        let pid = stream.peer_cred().ok().and_then(|peer| peer.pid()).and_then(|pid| u32::try_from(pid).ok());
        let (reader, mut writer) = stream.into_split();
        let mut reader = BufReader::new(reader);
        let Some(request) = read_request(&mut reader, places.patience()).await? else { return Ok(()) };
        let request = request.and_then(checked);
        let stays = request.as_ref().is_ok_and(|request| matches!(request.op, Op::Follow | Op::Hold));
        let _place = if stays {
            match Arc::clone(&places.staying).try_acquire_owned() {
                Ok(place) => place,
                Err(_full) => {
                    let error =
                        Error::new(Kind::Conflict, format!("{STAYING_MAX} watchers are here already"));
                    return write_line(&mut writer, error.retryable(true).to_json()).await;
                }
            }
        } else {
            let place = Arc::clone(&places.asking).acquire_owned().await;
            place.map_err(|_closed| Error::internal("it is over"))?
        };
        drop(new);
        match request {
            Ok(request) => match request.op {
                Op::Status => answer(&mut writer, &status::gather(&self).await?).await,
                Op::Stop => {
                    answer(&mut writer, &Done { ok: true }).await?;
                    self.trigger.stop("down");
                    Ok(())
                }
                Op::Cursor => {
                    named(&request)?;
                    let stored = self.store(&request);
                    self.cursors.settled().await;
                    respond(&mut writer, stored.map(|()| Done { ok: true })).await
                }
                Op::Reload => {
                    let outcome = self.reload(request.profiles).await;
                    respond(&mut writer, outcome).await
                }
                Op::Session => {
                    let outcome = self.look_at_sessions(&request.profiles).await;
                    respond(&mut writer, outcome).await
                }
                Op::Room => {
                    if let Some(chat) = &request.chat {
                        self.host.look(chat).await;
                    }
                    answer(&mut writer, &Done { ok: true }).await
                }
                Op::Hold => {
                    let (Some(profile), Some(held)) = (request.profiles.first(), &request.held) else {
                        return Err(Error::validation("what is to be held is a session of a profile"));
                    };
                    answer(&mut writer, &Done { ok: true }).await?;
                    hung_up(&mut reader).await;
                    self.attendant.released(profile, held).await;
                    Ok(())
                }
                op @ (Op::Call | Op::Chats) => {
                    tokio::select! {
                        // A verb that is gone by now wants nothing any more.
                        biased;
                        () = hung_up(&mut reader) => return Ok(()),
                        () = std::future::ready(()) => {}
                    }
                    let sends = request.errand.as_ref().is_some_and(|errand| errand.call.is_send());
                    let control = self.clone();
                    let mut work = tokio::spawn(async move { control.run(op, request.errand).await });
                    let done = tokio::select! {
                        biased;
                        () = hung_up(&mut reader) => None,
                        done = &mut work => Some(done),
                        Err(_gone) = working(&mut writer) => None,
                    };
                    let Some(done) = done else {
                        // What was posted by then is relayed all the same.
                        if sends {
                            let _ = timeout(LINGER, &mut work).await;
                        }
                        work.abort();
                        return Ok(());
                    };
                    let outcome = done.unwrap_or_else(|error| Err(Error::internal(error.to_string())));
                    respond(&mut writer, outcome.map(Answered::with)).await
                }
                Op::Ack => match self.acknowledge(&request).await {
                    Ok(acked) => answer(&mut writer, &acked).await,
                    Err(error) => write_line(&mut writer, error.to_json()).await,
                },
                Op::Follow => {
                    let place = self.enter(&request, pid);
                    self.follow(reader, writer, place).await
                }
            },
            Err(error) => write_line(&mut writer, error.to_json()).await,
        }
    }

    /// Tells about commits, and takes cursors, until the client is gone.
    async fn follow(
        mut self,
        reader: BufReader<OwnedReadHalf>,
        mut writer: OwnedWriteHalf,
        place: Option<Place>,
    ) -> Result<()> {
        let (mut requests, control) = (reader, self.clone());
        let cursors = async move {
            while let Some(Ok(request)) = next_request(&mut requests).await? {
                let (name, seq) = named(&request)?;
                let newest = *control.newest.borrow();
                if seq > newest {
                    return Err(crate::journal::beyond(seq, newest));
                }
                let store = || control.cursors.store(name, seq);
                match &place {
                    Some(place) => place.store(name, store),
                    None => store(),
                }
            }
            Ok::<(), Error>(())
        };
        let news = async {
            let mut trouble = self.storage.clone();
            // One that comes while all is well hears nothing of it.
            let mut tells = self.storage.borrow().state != StorageState::Ok;
            loop {
                let newest = *self.newest.borrow_and_update();
                let storage = tells.then(|| trouble.borrow_and_update().clone());
                // Without a deadline: a client that was stopped for a while hears the newest when it goes on.
                let news = serde_json::to_string(&News { newest, storage }).expect("a number is plain data");
                let told = writer.write_all(format!("{news}\n").as_bytes()).await;
                told.map_err(|error| Error::network(error.to_string()))?;
                tells = tokio::select! {
                    biased;
                    changed = trouble.changed() => changed.is_ok(),
                    changed = self.newest.changed() => match changed {
                        Ok(()) => false,
                        Err(_) => return Ok::<(), Error>(()),
                    },
                };
                tokio::time::sleep(TELL_EVERY).await;
            }
        };
        let mut cursors = std::pin::pin!(cursors);
        tokio::select! {
            ended = &mut cursors => ended,
            // A client that was killed has left its last cursors in the socket.
            _ = news => cursors.await,
        }
    }

    async fn reload(&self, profiles: Vec<String>) -> Result<ReloadedAll> {
        let look = if profiles.is_empty() { Look::Whole } else { Look::Adding(profiles) };
        let profiles = self.reloading.look(look).await?;
        let ok = profiles.iter().all(|profile| profile.outcome != Outcome::Failed);
        Ok(ReloadedAll { ok, profiles })
    }

    async fn look_at_sessions(&self, profiles: &[String]) -> Result<Done> {
        for profile in profiles {
            if self.asker.seat(profile).await?.is_none() {
                return Err(not_here(profile));
            }
            self.attendant.look(profile);
        }
        Ok(Done { ok: true })
    }

    async fn run(&self, op: Op, errand: Option<Errand>) -> Result<serde_json::Value> {
        let errand = errand.ok_or_else(|| Error::validation("a call says what is to be done"))?;
        let known = self.reloading.known();
        let done = match self.attempt(op, &errand).await {
            // It was refused before it had an effect, by what stood in a file then.
            Err(error)
                if matches!(error.kind, Kind::Config | Kind::Authentication)
                    && self.reloading.outdates(known, &errand.profile).await? =>
            {
                self.attempt(op, &errand).await?
            }
            done => done?,
        };
        let sends = errand.call.is_send();
        if sends
            && op != Op::Chats
            && let Ok(posted) = Posted::deserialize(&done)
        {
            self.relay.posted(&errand.profile, &posted.chat_id, &posted.message_id).await;
        }
        Ok(done)
    }

    async fn attempt(&self, op: Op, errand: &Errand) -> Result<serde_json::Value> {
        let seat = self.asker.seat(&errand.profile).await?;
        let seat = seat.filter(|seat| seat.app_id == errand.app_id);
        let seat = seat.ok_or_else(|| not_here(&errand.profile))?;
        if op == Op::Chats {
            let synced = self.care.sync_chats(&seat).await?;
            return serde_json::to_value(synced).map_err(|error| Error::internal(error.to_string()));
        }
        (seat.perform)(errand.call.clone(), Duration::from_millis(errand.patience_ms)).await
    }

    /// A reader that says its cursor is shown while it follows.
    fn enter(&self, request: &Request, pid: Option<u32>) -> Option<Place> {
        let cursor = request.cursor.clone().filter(|name| is_cursor_name(name))?;
        let since = rfc3339_ms(self.clock.wall_ms());
        Some(self.readers.enter(ReaderStatus { cursor, pid, since }))
    }

    async fn acknowledge(&self, request: &Request) -> Result<Acked> {
        let (name, seq) = named(request)?;
        let Advanced { seq, moved } = self.cursors.advance(name, seq).await?;
        Ok(Acked { ok: true, cursor: name.to_owned(), seq, moved })
    }

    fn store(&self, request: &Request) -> Result<()> {
        let (name, seq) = named(request)?;
        let newest = *self.newest.borrow();
        if seq > newest {
            return Err(crate::journal::beyond(seq, newest));
        }
        self.readers.close(name, || self.cursors.store(name, seq));
        Ok(())
    }
}

pub(super) fn named(request: &Request) -> Result<(&str, u64)> {
    match (&request.cursor, request.seq) {
        (Some(name), Some(seq)) if is_cursor_name(name) => Ok((name, seq)),
        _ => Err(Error::validation("a cursor has a name and a seq")),
    }
}

impl Listening {
    /// Listens again where its file was removed or replaced. The caller holds the home's lock.
    pub fn keep(&mut self) -> Result<()> {
        if FileId::named(&self.path) == self.id || self.path.parent().is_none_or(|folder| !folder.exists()) {
            return Ok(());
        }
        let again = self.control.clone().listen(self.path.clone())?;
        tracing::warn!(path = %self.path.display(), "the control socket was removed or replaced; it is made again");
        drop(std::mem::replace(self, again).task);
        Ok(())
    }

    pub fn close(self) {
        drop(self.task);
        // Left behind, it would only be found dead by the next supervisor. It may be that one's already.
        if FileId::named(&self.path) == self.id {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A cursor's name is a key and a file name. `registry` is rooma's own.
pub fn is_cursor_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty()
        && name.len() <= 64
        && !name.starts_with('.')
        && name.chars().all(plain)
        && name != "registry"
        && name != super::room::CURSOR
}

#[derive(Serialize)]
struct Done {
    ok: bool,
}

/// What became of the profiles that changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReloadedAll {
    pub ok: bool,
    pub profiles: Vec<Reloaded>,
}

/// What a verb hears of its errand: now and then that it is being worked at, and at the end the value.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answered {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub working: bool,
    pub value: serde_json::Value,
}

impl Answered {
    fn with(value: serde_json::Value) -> Answered {
        Answered { working: false, value }
    }
}

fn is_ours(stream: &UnixStream) -> bool {
    stream.peer_cred().is_ok_and(|peer| peer.uid() == rustix::process::getuid().as_raw())
}

pub(super) fn checked(request: Request) -> Result<Request> {
    if request.v == VERSION {
        return Ok(request);
    }
    Err(Error::validation(format!(
        "this supervisor speaks version {VERSION} of the control protocol, not {}",
        request.v
    ))
    .subtype("version")
    .hint("restart the supervisor with the version you use: rooma down, then rooma up"))
}

/// The first request, which has to come soon.
async fn read_request(
    reader: &mut BufReader<OwnedReadHalf>,
    patience: Duration,
) -> Result<Option<Result<Request>>> {
    timeout(patience, next_request(reader)).await.map_err(|_late| Error::validation("it asks for nothing"))?
}

pub(super) async fn next_request(reader: &mut BufReader<OwnedReadHalf>) -> Result<Option<Result<Request>>> {
    let mut line = Vec::new();
    let read = reader.take(REQUEST_MAX).read_until(b'\n', &mut line).await;
    let read = read.map_err(|error| Error::network(error.to_string()))?;
    match (read, line.last()) {
        (0, _) => Ok(None),
        (_, Some(b'\n')) => {
            let request = serde_json::from_slice(&line);
            Ok(Some(request.map_err(|_| Error::validation(UNKNOWN))))
        }
        _ => Err(Error::validation("the request has no end")),
    }
}

fn not_here(profile: &str) -> Error {
    let profile = crate::event::neutralise(crate::event::bounded(profile, 64));
    Error::validation(format!("this supervisor does not have the profile `{profile}`")).subtype(ELSEWHERE)
}

/// Says so for as long as an errand takes. A supervisor that was stopped, or has no room for another client, is
/// silent instead.
async fn working(writer: &mut OwnedWriteHalf) -> Result<()> {
    loop {
        tokio::time::sleep(WORKING_EVERY).await;
        answer(writer, &Answered { working: true, value: serde_json::Value::Null }).await?;
    }
}

/// Ends when the client does. It has nothing more to say.
async fn hung_up(reader: &mut BufReader<OwnedReadHalf>) {
    let mut more = [0; 64];
    while reader.read(&mut more).await.is_ok_and(|read| read > 0) {}
}

async fn respond(writer: &mut OwnedWriteHalf, outcome: Result<impl Serialize>) -> Result<()> {
    match outcome {
        Ok(value) => answer(writer, &value).await,
        Err(error) => write_line(writer, error.to_json()).await,
    }
}

async fn answer(writer: &mut OwnedWriteHalf, value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(value).map_err(|error| Error::internal(error.to_string()))?;
    write_line(writer, text).await
}

async fn write_line(writer: &mut OwnedWriteHalf, mut text: String) -> Result<()> {
    text.push('\n');
    let written = timeout(PATIENCE, writer.write_all(text.as_bytes())).await;
    let written = written.map_err(|_late| Error::network("it does not take the answer"))?;
    written.map_err(|error| Error::network(error.to_string()))
}
