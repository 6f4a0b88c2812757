//! What the user sees: each command, each answer, and what to do.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use crate::error::SetupError;
use crate::text;
use crate::text::{Language, Text};

/// At most so many characters of one answer of the platform are shown.
const SHOWN: usize = 8_000;

/// Prints in one language. A reader that is gone (`passteam-setup … | head`) ends nothing half-way: what cannot be written
/// is dropped.
pub(crate) struct Console {
    language: Language,
}

impl Console {
    pub(crate) fn new(language: Language) -> Console {
        Console { language }
    }

    pub(crate) fn raw(&self, text: &str) {
        let mut out = io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    pub(crate) fn say(&self, text: &Text) {
        self.raw(&format!("{}\n", text.pick(self.language)));
    }

    /// A command that is about to run, without secrets.
    pub(crate) fn command(&self, step: &Text, command: &str) {
        self.raw(&format!("\n{}\n> {command}\n", step.pick(self.language)));
    }

    /// What a program of the platform said, indented.
    pub(crate) fn answer(&self, answer: &str) {
        let end = answer.char_indices().nth(SHOWN).map_or(answer.len(), |(at, _)| at);
        let mut shown: String = answer[..end].lines().map(|line| format!("  | {line}\n")).collect();
        if end < answer.len() {
            shown.push_str("  | …\n");
        }
        self.raw(&shown);
    }

    pub(crate) fn error(&self, error: &SetupError) {
        let mark = text!("Ошибка", "Error");
        let (mark, text) = (mark.pick(self.language), error.text());
        let mut out = io::stderr().lock();
        let _ = writeln!(out, "\n{mark}: {}", text.pick(self.language));
    }

    /// Asks; without a terminal nobody answers, which is a no.
    pub(crate) fn agrees(&self, question: &Text) -> bool {
        if !io::stdin().is_terminal() {
            return false;
        }
        let prompt = text!("[д/н]", "[y/n]");
        self.raw(&format!("\n{} {} ", question.pick(self.language), prompt.pick(self.language)));
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        read.is_ok() && matches!(line.trim().to_lowercase().as_str(), "д" | "да" | "y" | "yes")
    }
}
