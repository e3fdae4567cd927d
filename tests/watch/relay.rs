//! A relay between a watcher and its database: it passes on what comes, late or not at all.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What becomes of what passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It is passed on after so long.
    Late(Duration),
    /// It is lost, and the connections stay open.
    Lost,
    /// Connections are closed.
    Closed,
}

/// The relay; its threads end with the process.
pub struct Relay {
    directory: tempfile::TempDir,
    passage: Arc<Mutex<Passage>>,
}

impl Relay {
    /// A relay to the server whose socket is in this directory.
    pub fn to(server: &Path) -> Self {
        let directory = tempfile::Builder::new().prefix("imsh-relay-").tempdir_in("/tmp").unwrap();
        let listener = UnixListener::bind(directory.path().join(SOCKET)).unwrap();
        let (passage, server) = (Arc::new(Mutex::new(Passage::Late(Duration::ZERO))), server.join(SOCKET));
        let own = passage.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                connect(client, &server, &own);
            }
        });
        Self { directory, passage }
    }

    pub fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    pub fn pass(&self, passage: Passage) {
        *self.passage.lock().unwrap() = passage;
    }
}

fn connect(client: UnixStream, server: &Path, passage: &Arc<Mutex<Passage>>) {
    if *passage.lock().unwrap() == Passage::Closed {
        return;
    }
    let Ok(server) = UnixStream::connect(server) else { return };
    let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    for (from, to) in [(from, to), (server, client)] {
        let passage = passage.clone();
        std::thread::spawn(move || pass(from, to, &passage));
    }
}

fn pass(mut from: UnixStream, mut to: UnixStream, passage: &Mutex<Passage>) {
    // A connection over which nothing comes sees that it is closed all the same.
    from.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut buffer = [0; 16 * 1024];
    loop {
        let n = match from.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => None,
            Ok(0) | Err(_) => break,
            Ok(n) => Some(n),
        };
        let now = *passage.lock().unwrap();
        match (now, n) {
            (Passage::Closed, _) => break,
            (Passage::Late(delay), Some(n)) => {
                std::thread::sleep(delay);
                if to.write_all(&buffer[..n]).is_err() {
                    break;
                }
            }
            (Passage::Late(_) | Passage::Lost, _) => {}
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

/// The name of PostgreSQL's socket.
const SOCKET: &str = ".s.PGSQL.5432";
