//! PostgreSQL's protocol, version 3: <https://www.postgresql.org/docs/15/protocol-message-formats.html>.
//!
//! A statement is one `Query`, or what is between two `Sync`s when an `Execute` is among it. Its answer ends with `ReadyForQuery`; until
//! then nothing of it is given back, so that a cut leaves the caller without any of it.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::{Passing, Tap, obey};

/// The code in the place of a protocol version by which a client asks for TLS.
const SSL_REQUEST: u32 = 80_877_103;
/// A longer message is not ours.
const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// What the answers still to come belong to, oldest first; `None` where nobody is told of it.
type Pending = Mutex<VecDeque<Option<Passing>>>;

pub(super) async fn relay(
    downstream: TcpStream,
    upstream: &str,
    tap: &dyn Tap,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let (mut from_client, mut to_client) = downstream.into_split();
    let (from_server, mut to_server) = TcpStream::connect(upstream).await?.into_split();
    begin(&mut from_client, &mut to_client, &mut to_server).await?;
    // The first `ReadyForQuery` ends the handshake.
    let pending = Mutex::new(VecDeque::from([None]));
    tokio::select! {
        ended = requests(from_client, to_server, &pending, tap) => ended?,
        ended = answers(from_server, to_client, &pending, tap) => ended?,
    }
    Ok(())
}

/// Passes the start-up message on; TLS is declined.
async fn begin(
    from_client: &mut OwnedReadHalf,
    to_client: &mut OwnedWriteHalf,
    to_server: &mut OwnedWriteHalf,
) -> io::Result<()> {
    loop {
        let length = from_client.read_u32().await?;
        let mut rest = vec![0; body_length(length)?];
        from_client.read_exact(&mut rest).await?;
        if rest.starts_with(&SSL_REQUEST.to_be_bytes()) {
            to_client.write_all(b"N").await?;
            continue;
        }
        to_server.write_all(&length.to_be_bytes()).await?;
        return to_server.write_all(&rest).await;
    }
}

/// A message with its type and length.
struct Message {
    kind: u8,
    whole: Vec<u8>,
}

impl Message {
    async fn read(from: &mut OwnedReadHalf) -> io::Result<Self> {
        let kind = from.read_u8().await?;
        let length = from.read_u32().await?;
        let mut whole = vec![kind];
        whole.extend(length.to_be_bytes());
        let start = whole.len();
        whole.resize(start + body_length(length)?, 0);
        from.read_exact(&mut whole[start..]).await?;
        Ok(Self { kind, whole })
    }

    /// The zero-terminated texts it begins with.
    fn texts(&self) -> impl Iterator<Item = String> + '_ {
        self.whole[5..].split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned())
    }
}

fn body_length(length: u32) -> io::Result<usize> {
    let length = usize::try_from(length).ok().and_then(|length| length.checked_sub(4));
    length
        .filter(|length| *length <= MAX_MESSAGE_BYTES)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "a message of impossible length"))
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    pending: &Pending,
    tap: &dyn Tap,
) -> io::Result<()> {
    // The texts of prepared statements by their names, and which is being bound.
    let mut prepared: HashMap<String, String> = HashMap::new();
    let mut bound = String::new();
    let mut executed = false;
    let mut held = Vec::new();
    loop {
        let message = Message::read(&mut from).await?;
        let mut statement = None;
        match message.kind {
            b'Q' => statement = Some(message.texts().next()),
            b'P' => {
                let mut texts = message.texts();
                let (name, text) = (texts.next().unwrap_or_default(), texts.next().unwrap_or_default());
                prepared.insert(name, text);
            }
            b'B' => bound = message.texts().nth(1).unwrap_or_default(),
            b'E' => executed = true,
            b'S' => {
                let text = prepared.get(&bound).cloned().unwrap_or_default();
                statement = Some(std::mem::take(&mut executed).then_some(text));
            }
            _ => {}
        }
        held.extend(message.whole);
        if let Some(statement) = statement {
            let passing = statement.map(|path| Passing { method: "SQL".to_owned(), path });
            if let Some(passing) = &passing
                && !obey(tap.request(passing)).await
            {
                return Ok(());
            }
            pending.lock().unwrap_or_else(PoisonError::into_inner).push_back(passing);
        } else if pending_is_statement(message.kind) {
            // Kept back until its `Sync`: what is cut before it is forwarded must not have arrived in part.
            continue;
        }
        to.write_all(&held).await?;
        held.clear();
    }
}

/// Parse, Bind, Describe, Execute, Close: parts of what a `Sync` ends.
fn pending_is_statement(kind: u8) -> bool {
    matches!(kind, b'P' | b'B' | b'D' | b'E' | b'C')
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    pending: &Pending,
    tap: &dyn Tap,
) -> io::Result<()> {
    let mut started = false;
    let mut held = Vec::new();
    loop {
        let message = Message::read(&mut from).await?;
        held.extend(message.whole);
        let ready = message.kind == b'Z';
        if started && !ready {
            continue;
        }
        if ready {
            started = true;
            let passing = pending.lock().unwrap_or_else(PoisonError::into_inner).pop_front().flatten();
            if let Some(passing) = passing
                && !obey(tap.answer(&passing)).await
            {
                return Ok(());
            }
        }
        to.write_all(&held).await?;
        held.clear();
    }
}
