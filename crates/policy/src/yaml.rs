//! A YAML text as a tree of texts, lists and mappings in which every node knows its place.
//!
//! Built from the parser's events rather than by its own loader, because aliases, tags and duplicate keys are refused here instead of
//! being resolved, and because every word is kept as it was written.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use crate::limits::{MAX_DEPTH, MAX_TEXT_BYTES};
use crate::notice::{Notices, Position};
use crate::words::quoted;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A word or quoted text. Nothing at all is an empty plain word.
    Text {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: Position,
    pub(crate) value: Node,
}

impl Node {
    /// What it is, for messages.
    pub(crate) fn describe(&self) -> String {
        match &self.value {
            Value::Text { text, plain: true } if matches!(text.as_str(), "" | "~" | "null") => {
                "nothing".to_owned()
            }
            Value::Text { text, .. } => quoted(text),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a mapping".to_owned(),
        }
    }
}

/// Reads the tree. `None` when the text is not one YAML document; at least one error then says why.
pub(crate) fn read(text: &str, notices: &mut Notices) -> Option<Node> {
    if text.len() > MAX_TEXT_BYTES {
        let message = format!("the text has {} bytes: expected at most {MAX_TEXT_BYTES}", text.len());
        notices.error(Position::START, message);
        return None;
    }
    let mut builder = Builder { notices, open: Vec::new(), root: None, documents: 0 };
    let mut parser = Parser::new_from_str(text);
    builder.run(&mut parser);
    let root = builder.root;
    if root.is_none() && !notices.has_errors() {
        notices.error(Position::START, "the text is empty: expected a mapping that begins with `version: 1`");
    }
    if notices.has_errors() { None } else { root }
}

enum Open {
    List { at: Position, items: Vec<Node> },
    Map { at: Position, entries: Vec<Entry>, lines: HashMap<String, usize>, key: Option<(String, Position)> },
}

struct Builder<'n> {
    notices: &'n mut Notices,
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
}

impl Builder<'_> {
    fn run(&mut self, parser: &mut Parser<'_, StrInput<'_>>) {
        while let Some(event) = parser.next_event() {
            let (event, span) = match event {
                Ok(parsed) => parsed,
                Err(error) => {
                    let mark = error.marker();
                    let at = Position { line: mark.line(), column: mark.col() + 1 };
                    // A glob that begins with `*` reads as an alias to YAML.
                    let anchor = error.info().contains("anchor") || error.info().contains("alias");
                    let hint = if anchor { "; quote a word that begins with `*` or `&`" } else { "" };
                    self.notices.error(at, format!("not YAML: {}{hint}", error.info()));
                    return;
                }
            };
            if !self.take(event, span) {
                return;
            }
        }
    }

    /// Takes one event; `false` ends the reading.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        let at = Position { line: span.start.line(), column: span.start.col() + 1 };
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.notices.error(at, "a second document begins here: expected one document");
                    return false;
                }
            }
            Event::Alias(_) => {
                self.notices.error(
                    at,
                    "aliases are not supported: write the value out, and quote a glob that begins with `*`",
                );
                self.put(Node { at, value: Value::Text { text: String::new(), plain: true } });
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.refuse_marks(at, anchor, tag.is_some());
                let value = Value::Text { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.put(Node { at, value });
            }
            Event::SequenceStart(anchor, tag) => {
                self.refuse_marks(at, anchor, tag.is_some());
                return self.push(at, Open::List { at, items: Vec::new() });
            }
            Event::MappingStart(anchor, tag) => {
                self.refuse_marks(at, anchor, tag.is_some());
                return self
                    .push(at, Open::Map { at, entries: Vec::new(), lines: HashMap::new(), key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open::List { at, items }) => self.put(Node { at, value: Value::List(items) }),
                Some(Open::Map { at, entries, .. }) => self.put(Node { at, value: Value::Map(entries) }),
                // The parser balances its events.
                None => {}
            },
        }
        true
    }

    fn refuse_marks(&mut self, at: Position, anchor: usize, tagged: bool) {
        if anchor != 0 {
            self.notices.error(at, "anchors are not supported: write the value out where it is needed");
        }
        if tagged {
            self.notices.error(at, "tags are not supported: every word is read as text");
        }
    }

    fn push(&mut self, at: Position, open: Open) -> bool {
        if self.open.len() == MAX_DEPTH {
            self.notices.error(at, format!("nested too deep: expected at most {MAX_DEPTH} levels"));
            return false;
        }
        self.open.push(open);
        true
    }

    fn put(&mut self, node: Node) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, lines, key, .. }) => match (key.take(), node.value) {
                (Some((key, at)), value) => {
                    if let Some(line) = lines.get(&key) {
                        let message = format!("{} is given twice: first in line {line}", quoted(&key));
                        self.notices.error(at, message);
                        return;
                    }
                    lines.insert(key.clone(), at.line);
                    entries.push(Entry { key, at, value: Node { at: node.at, value } });
                }
                (None, Value::Text { text, .. }) => *key = Some((text, node.at)),
                (None, Value::List(_) | Value::Map(_)) => {
                    self.notices.error(node.at, "a list or mapping as a key: expected a word");
                    *key = Some((String::new(), node.at));
                }
            },
        }
    }
}
