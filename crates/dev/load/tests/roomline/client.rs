//! The load client's process.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

pub struct Client {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    requests: u64,
    events: Vec<Value>,
}

impl Client {
    pub fn start() -> Client {
        let mut process = Command::new(env!("CARGO_BIN_EXE_roomline-load"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().unwrap());
        Client { process, input, output, requests: 0, events: Vec::new() }
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "it has ended");
        serde_json::from_str(&line).unwrap()
    }

    fn request(&mut self, mut request: Value) -> Value {
        self.requests += 1;
        request["id"] = json!(self.requests);
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{request}").unwrap();
        loop {
            let line = self.line();
            if line["id"] == json!(self.requests) {
                return line;
            }
            self.events.push(line);
        }
    }

    pub fn ask(&mut self, request: Value) -> Value {
        let answer = self.request(request.clone());
        assert!(answer.get("ok").is_some(), "{request}: {answer}");
        answer["ok"].clone()
    }

    pub fn refused(&mut self, request: Value) -> String {
        let answer = self.request(request);
        answer["error"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    pub fn event(&mut self, name: &str) -> Value {
        loop {
            if let Some(at) = self.events.iter().position(|event| event["event"] == name) {
                return self.events.remove(at);
            }
            let line = self.line();
            self.events.push(line);
        }
    }
}

impl Drop for Client {
    /// It ends with its input.
    fn drop(&mut self) {
        drop(self.input.take());
        let ended = self.process.wait();
        if !std::thread::panicking() {
            assert!(ended.unwrap().success());
        }
    }
}
