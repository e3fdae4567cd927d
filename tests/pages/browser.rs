//! Chromium without a window, spoken to through a pipe (the Chrome DevTools Protocol).

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{bare, skip};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// One browser with one tab.
pub struct Browser {
    program: Child,
    to: ChildStdin,
    messages: Receiver<Vec<u8>>,
    runs_scripts: bool,
    session: String,
    n: u64,
    /// What the page has complained of: the console's lines, exceptions, refusals of the policy.
    pub complaints: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts the browser; `None`, with a skip, where there is none.
    pub fn start() -> Option<Self> {
        if bare("chromium").arg("--version").output().is_err() {
            skip("chromium is not installed");
            return None;
        }
        let profile = tempfile::tempdir().unwrap();
        // The browser reads its third descriptor and writes to its fourth.
        let mut command: Command = bare("sh");
        command.env("HOME", profile.path()).env("TMPDIR", profile.path());
        command.args(["-c", "exec chromium \"$@\" 3<&0 4>&1 0</dev/null 1>/dev/null 2>/dev/null", "sh"]);
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--window-size=1280,900",
            "--remote-debugging-pipe",
        ]);
        command.arg(format!("--user-data-dir={}", profile.path().display()));
        let mut program = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let to = program.stdin.take().unwrap();
        let mut from = BufReader::new(program.stdout.take().unwrap());
        let (sender, messages) = mpsc::channel();
        std::thread::spawn(move || {
            let mut message = Vec::new();
            while from.read_until(0, &mut message).is_ok_and(|n| n > 0) {
                message.pop();
                // The test may have ended.
                let _ = sender.send(std::mem::take(&mut message));
            }
        });
        let mut browser = Self {
            program,
            to,
            messages,
            runs_scripts: true,
            session: String::new(),
            n: 0,
            complaints: Vec::new(),
            _profile: profile,
        };
        let tab = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attached =
            browser.call("Target.attachToTarget", json!({ "targetId": tab["targetId"], "flatten": true }));
        browser.session = attached["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        Some(browser)
    }

    /// Calls a method of the protocol, and returns its result.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.n += 1;
        let n = self.n;
        let mut request = json!({ "id": n, "method": method, "params": parameters });
        if !self.session.is_empty() {
            request["sessionId"] = json!(self.session);
        }
        self.to.write_all(format!("{request}\0").as_bytes()).unwrap();
        loop {
            let message = self.next();
            if message["id"] == json!(n) {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
        }
    }

    fn next(&mut self) -> Value {
        let message = self.messages.recv_timeout(PATIENCE).expect("the browser says no more");
        let message: Value = serde_json::from_slice(&message).unwrap();
        let said = match message["method"].as_str() {
            Some("Runtime.consoleAPICalled") => Some(&message["params"]["args"]),
            Some("Runtime.exceptionThrown") => Some(&message["params"]["exceptionDetails"]),
            Some("Log.entryAdded") => Some(&message["params"]["entry"]),
            _ => None,
        };
        self.complaints.extend(said.map(Value::to_string));
        message
    }

    /// Opens a page and waits until it is loaded; returns how long that took.
    pub fn open(&mut self, url: &str) -> Duration {
        let began = Instant::now();
        let answer = self.call("Page.navigate", json!({ "url": url }));
        assert!(answer["errorText"].is_null(), "{url}: {answer}");
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'");
        if self.runs_scripts {
            // Two frames later it has been drawn.
            self.evaluate(
                "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))",
            );
        }
        began.elapsed()
    }

    /// Opens a file.
    pub fn open_file(&mut self, file: &Path) -> Duration {
        self.open(&format!("file://{}", file.display()))
    }

    /// What an expression gives in the page; a promise is awaited.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let answer = self.call(
            "Runtime.evaluate",
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true }),
        );
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub fn until(&mut self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.evaluate(expression) != json!(true) {
            assert!(Instant::now() < deadline, "never: {expression}\n{:?}", self.complaints);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Presses a key: a letter, or a name such as `ArrowDown`.
    pub fn press(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            let code = if key == "Enter" { 13 } else { 0 };
            let text = if kind == "keyDown" && key == "Enter" { "\r" } else { text };
            self.call(
                "Input.dispatchKeyEvent",
                json!({ "type": kind, "key": key, "text": text, "windowsVirtualKeyCode": code }),
            );
        }
    }

    /// Types text where the cursor is.
    pub fn write(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// How the page is shown: `screen` or `print`, `light` or `dark`.
    pub fn show_as(&mut self, media: &str, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "media": media, "features": features }));
    }

    /// Whether pages may run scripts, from the next one on.
    pub fn allow_scripts(&mut self, are_allowed: bool) {
        self.runs_scripts = are_allowed;
        self.call("Emulation.setScriptExecutionDisabled", json!({ "value": !are_allowed }));
    }

    /// A picture of what is seen, where `IMSH_TEST_PICTURES` names a directory for it.
    pub fn picture(&mut self, name: &str) {
        let Some(directory) = std::env::var_os("IMSH_TEST_PICTURES") else { return };
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        let bytes = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        std::fs::write(Path::new(&directory).join(format!("{name}.png")), bytes).unwrap();
    }

    /// The text of the printed page as its number of pages.
    pub fn printed(&mut self) -> Vec<u8> {
        let printed = self.call("Page.printToPDF", json!({ "printBackground": false }));
        STANDARD.decode(printed["data"].as_str().unwrap()).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if let Ok(Some(_)) = self.program.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
