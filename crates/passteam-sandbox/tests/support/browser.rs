//! A page in headless Chromium, driven through the Chrome DevTools Protocol.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

/// Longer than any answer of the browser takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The browser ends with its page.
pub struct Page {
    socket: WebSocket<TcpStream>,
    last_id: u64,
    problems: Vec<String>,
    process: Child,
    /// Reads what the browser prints until all its processes have ended.
    printed: Option<JoinHandle<()>>,
    /// Deleted last.
    _profile: TempDir,
}

impl Page {
    /// Opens `url`; `None`, said loudly, where there is no Chromium.
    pub fn open(url: &str) -> Option<Self> {
        let Some(program) = find_chromium() else {
            // Not `eprintln!`, which the test harness keeps to itself.
            let _ =
                writeln!(io::stderr(), "SKIPPED: no Chromium is installed, so the page was not tested in a browser");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut process = Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--no-proxy-server", "--disable-dev-shm-usage", "--hide-scrollbars", "--lang=ru"])
            .args(["--remote-debugging-port=0", "--window-size=1440,1000"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            // What the browser leaves behind goes with its profile.
            .env("TMPDIR", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (debugger, printed) = debugger_address(process.stderr.take().unwrap());
        let socket = connect_to_page(&debugger);
        let mut page =
            Self { socket, last_id: 0, problems: Vec::new(), process, printed: Some(printed), _profile: profile };
        for domain in ["Page", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page.call("Page.navigate", json!({"url": url}));
        page.wait_for("document.readyState === 'complete'");
        Some(page)
    }

    /// The value of a JavaScript expression; a promise is waited for.
    pub fn eval(&mut self, expression: &str) -> Value {
        let arguments = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", arguments);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until a JavaScript expression holds.
    pub fn wait_for(&mut self, condition: &str) {
        let deadline = Instant::now() + PATIENCE;
        // In short steps, because a promise dies with a page that is navigated away from.
        let look = format!(
            "new Promise(done => {{ const end = Date.now() + 200; const look = () => {{ \
             let holds = false; try {{ holds = Boolean({condition}) }} catch {{}} \
             holds || Date.now() > end ? done(holds) : setTimeout(look, 10) }}; look() }})"
        );
        while self.eval(&look) != true {
            let shown = self.eval("document.body?.innerText");
            assert!(Instant::now() < deadline, "waited in vain for {condition}; the page shows: {shown}");
        }
    }

    /// The visible text of the first element of this selector.
    pub fn text(&mut self, selector: &str) -> String {
        let text = self.eval(&format!("document.querySelector({}).innerText", json!(selector)));
        text.as_str().unwrap().to_owned()
    }

    /// Clicks with the mouse on the element that a JavaScript expression gives.
    pub fn click(&mut self, element: &str) {
        let place = self.eval(&format!(
            "(() => {{ const it = {element}; it.scrollIntoView({{block: 'center', behavior: 'instant'}}); \
             const box = it.getBoundingClientRect(); \
             return {{x: box.x + box.width / 2, y: box.y + box.height / 2}} }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place["x"], "y": place["y"], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Types into the element that has the focus.
    pub fn type_text(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// A PNG of the element that a JavaScript expression gives, enlarged.
    pub fn picture_of(&mut self, element: &str, scale: f64) -> Vec<u8> {
        let mut clip = self.eval(&format!(
            "(() => {{ const it = {element}; it.scrollIntoView({{block: 'center', behavior: 'instant'}}); \
             const {{x, y, width, height}} = it.getBoundingClientRect(); \
             return {{x: x + scrollX, y: y + scrollY, width, height}} }})()"
        ));
        clip["scale"] = json!(scale);
        let result = self.call("Page.captureScreenshot", json!({"clip": clip, "captureBeyondViewport": true}));
        base64::engine::general_purpose::STANDARD.decode(result["data"].as_str().unwrap()).unwrap()
    }

    /// Errors, refused resources and uncaught exceptions so far.
    pub fn problems(&mut self) -> Vec<String> {
        // The events are in order, so those of the past have come with this answer.
        self.eval("0");
        std::mem::take(&mut self.problems)
    }

    /// Calls a method of the protocol.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last_id += 1;
        let command = json!({"id": self.last_id, "method": method, "params": parameters});
        self.socket.send(Message::text(command.to_string())).unwrap();
        loop {
            let message = match self.socket.read().unwrap_or_else(|error| panic!("{method}: {error}")) {
                Message::Text(text) => serde_json::from_str::<Value>(&text).unwrap(),
                _ => continue,
            };
            if message["id"] == self.last_id {
                assert!(message.get("error").is_none(), "{command}: {message}");
                return message["result"].clone();
            }
            let entry = &message["params"]["entry"];
            if message["method"] == "Runtime.exceptionThrown" || entry["level"] == "error" {
                self.problems.push(message["params"].to_string());
            }
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // Its child processes end with it in good order only when it is asked to close.
        let _ = self.socket.send(Message::text(json!({"id": 0, "method": "Browser.close"}).to_string()));
        while self.socket.read().is_ok() {}
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = self.printed.take().map(JoinHandle::join);
    }
}

fn find_chromium() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .flat_map(|name| std::env::split_paths(&folders).map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}

/// `127.0.0.1:PORT`, which the browser prints, and who reads what it prints later.
fn debugger_address(stderr: ChildStderr) -> (String, JoinHandle<()>) {
    let mut lines = BufReader::new(stderr).lines();
    let address = lines
        .by_ref()
        .map(|line| line.unwrap())
        .find_map(|line| Some(line.strip_prefix("DevTools listening on ws://")?.split_once('/')?.0.to_owned()))
        .expect("the browser prints its address");
    (address, std::thread::spawn(move || lines.for_each(drop)))
}

fn connect_to_page(debugger: &str) -> WebSocket<TcpStream> {
    let text = ureq::get(format!("http://{debugger}/json/list")).call().unwrap().body_mut().read_to_string().unwrap();
    let targets: Value = serde_json::from_str(&text).unwrap();
    let page = targets.as_array().unwrap().iter().find(|target| target["type"] == "page").unwrap();
    let stream = TcpStream::connect(debugger).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let config = tungstenite::protocol::WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    let url = page["webSocketDebuggerUrl"].as_str().unwrap();
    tungstenite::client::client_with_config(url, stream, Some(config)).unwrap().0
}
