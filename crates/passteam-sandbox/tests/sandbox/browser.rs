//! A page in headless Chromium, controlled through the Chrome DevTools Protocol. Without Chromium these tests are
//! skipped with a warning.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

/// Longest wait for the browser. Only a browser that hangs reaches it.
const LIMIT: Duration = Duration::from_secs(300);

/// A page in a browser of its own, which ends when this is dropped.
pub struct Page {
    socket: WebSocket<TcpStream>,
    last_id: u64,
    problems: Vec<String>,
    process: Child,
    /// Reads the browser's stderr until all its processes have ended.
    stderr_reader: Option<JoinHandle<()>>,
    /// Deleted after the browser has ended, since fields are dropped last.
    _profile: TempDir,
}

impl Page {
    /// Opens `url`; `None` with a warning if there is no Chromium.
    pub fn open(url: &str) -> Option<Self> {
        let Some(program) = find_chromium() else {
            // The test harness captures `eprintln!`, but not this.
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
            // The browser's temporary files are deleted together with its profile.
            .env("TMPDIR", profile.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (debugger, stderr_reader) = debugger_address(process.stderr.take().unwrap());
        let socket = connect_to_page(&debugger);
        let mut page = Self {
            socket,
            last_id: 0,
            problems: Vec::new(),
            process,
            stderr_reader: Some(stderr_reader),
            _profile: profile,
        };
        for domain in ["Page", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page.call("Page.navigate", json!({"url": url}));
        page.wait_for("document.readyState === 'complete'");
        Some(page)
    }

    /// The value of a JavaScript expression, or of the promise that it returns.
    pub fn eval(&mut self, expression: &str) -> Value {
        let arguments = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", arguments);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Waits until a JavaScript expression is true.
    pub fn wait_for(&mut self, condition: &str) {
        let deadline = Instant::now() + LIMIT;
        // A navigation drops the page's promises, so each of them waits 200 ms at most.
        let poll = format!(
            "new Promise(done => {{ const end = Date.now() + 200; const check = () => {{ \
             let holds = false; try {{ holds = Boolean({condition}) }} catch {{}} \
             holds || Date.now() > end ? done(holds) : setTimeout(check, 10) }}; check() }})"
        );
        while self.eval(&poll) != true {
            let shown = self.eval("document.body?.innerText");
            assert!(Instant::now() < deadline, "timed out waiting for {condition}; the page shows: {shown}");
        }
    }

    /// The visible text of the first element that matches a selector.
    pub fn text(&mut self, selector: &str) -> String {
        let text = self.eval(&format!("document.querySelector({}).innerText", json!(selector)));
        text.as_str().unwrap().to_owned()
    }

    /// Clicks with the mouse on the element that a JavaScript expression returns.
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

    /// Presses Enter in the element that has the focus.
    pub fn press_enter(&mut self) {
        for kind in ["keyDown", "keyUp"] {
            let event =
                json!({"type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"});
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Gives the page this width in CSS pixels.
    pub fn set_width(&mut self, width: u32) {
        let metrics = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        self.call("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Shows the page as in the user's `light` or `dark` scheme.
    pub fn set_colour_scheme(&mut self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// A PNG of the element that a JavaScript expression returns, scaled up.
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
        // Messages keep their order, so all earlier events arrive before this answer.
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
        // A killed browser can leave its child processes behind, so it is asked to close first.
        let _ = self.socket.send(Message::text(json!({"id": 0, "method": "Browser.close"}).to_string()));
        while self.socket.read().is_ok() {}
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = self.stderr_reader.take().map(JoinHandle::join);
    }
}

/// The script of axe-core, which checks accessibility. npm brings it into the build folder, so it is not part of the
/// project. `None` with a warning if npm cannot do that.
pub fn axe_core() -> Option<String> {
    const PACKAGE: &str = "axe-core@4.11.0";

    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PACKAGE);
    let script = folder.join("node_modules/axe-core/axe.min.js");
    if !script.is_file() {
        let _ = Command::new("npm")
            .args(["install", "--silent", "--no-save", "--ignore-scripts", "--prefix"])
            .args([folder.as_os_str(), PACKAGE.as_ref()])
            .stdin(Stdio::null())
            .status();
    }
    let text = std::fs::read_to_string(script).ok();
    if text.is_none() {
        let _ =
            writeln!(io::stderr(), "SKIPPED: npm did not bring {PACKAGE}, so the page's accessibility was not tested");
    }
    text
}

fn find_chromium() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .flat_map(|name| std::env::split_paths(&folders).map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}

/// `127.0.0.1:PORT` of the debugger, as the browser prints it, and the thread that reads its later output.
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
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let config = tungstenite::protocol::WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    let url = page["webSocketDebuggerUrl"].as_str().unwrap();
    tungstenite::client::client_with_config(url, stream, Some(config)).unwrap().0
}
