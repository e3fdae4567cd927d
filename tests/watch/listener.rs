//! An HTTP server that keeps what is posted to it, and answers as the test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

/// A request.
#[derive(Clone, Debug)]
pub struct Posted {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Posted {
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(own, _)| own == name).map_or("", |(_, value)| value)
    }
}

/// The server; its thread ends with the process.
pub struct Listener {
    port: u16,
    posted: Arc<Mutex<Vec<Posted>>>,
    answers: Arc<Mutex<Vec<Answer>>>,
}

/// How a request is answered.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    Status(u16),
    Never,
}

impl Listener {
    pub fn start() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let (posted, answers) = (Arc::<Mutex<Vec<Posted>>>::default(), Arc::<Mutex<Vec<Answer>>>::default());
        let (keep, next) = (posted.clone(), answers.clone());
        std::thread::spawn(move || {
            for stream in socket.incoming().flatten() {
                let (keep, next) = (keep.clone(), next.clone());
                std::thread::spawn(move || serve(stream, &keep, &next));
            }
        });
        Self { port, posted, answers }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook?to=ops", self.port)
    }

    /// The next requests are answered so, then all with 200.
    pub fn answers(&self, answers: &[Answer]) {
        self.answers.lock().unwrap().extend(answers);
    }

    pub fn posted(&self) -> Vec<Posted> {
        self.posted.lock().unwrap().clone()
    }

    /// The kinds of the notices so far.
    pub fn kinds(&self) -> Vec<String> {
        self.posted()
            .iter()
            .map(|posted| posted.body["kind"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

fn serve(stream: TcpStream, keep: &Mutex<Vec<Posted>>, next: &Mutex<Vec<Answer>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").unwrap().1.parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let answer = {
        let mut next = next.lock().unwrap();
        if next.is_empty() { Answer::Status(200) } else { next.remove(0) }
    };
    keep.lock().unwrap().push(Posted { path, headers, body: serde_json::from_slice(&body).unwrap() });
    match answer {
        Answer::Status(status) => {
            let _ = write!(&stream, "HTTP/1.1 {status} As told\r\ncontent-length: 4\r\n\r\nwhy?");
        }
        Answer::Never => std::thread::sleep(Duration::from_secs(30)),
    }
}
