//! A list `[…]` of a document, taken apart into its items: each with what stands above it and the comment
//! behind it.
//!
//! toml_edit keeps what stands behind an item's comma with the next item, or with the end of the list. Here
//! it stands with the item, so that one which goes takes its own comment along and no other. Never changes an
//! item that it is not asked about.

use toml_edit::{Array, RawString, Value};

use super::comments::text_in;

/// A list, taken apart.
pub(super) struct List {
    /// The text behind `[`, up to the end of that line.
    opening: String,
    items: Vec<Item>,
    /// The text before `]`, from the end of the last item's line on.
    closing: String,
    has_last_comma: bool,
}

struct Item {
    /// The text before the item, from the end of the line before on; without a line end, where the item shares a
    /// line.
    above: String,
    /// The position in `above` of the comma of the item before, if that is not in its own line.
    comma: Option<usize>,
    value: Value,
    /// The text between the item and its comma in its line.
    before_comma: String,
    /// The text behind the item and its comma, up to the end of the line.
    behind: String,
}

/// An item that was taken out, and the comment behind it.
pub(super) struct Gone {
    value: Value,
    behind: String,
}

impl List {
    pub(super) fn of(array: &Array) -> Self {
        let has_last_comma = array.trailing_comma();
        let mut list =
            Self { opening: String::new(), items: Vec::new(), closing: String::new(), has_last_comma };
        for (n, value) in array.iter().enumerate() {
            let usual = if n == 0 { "" } else { " " };
            let gap = value.decor().prefix().map_or_else(|| usual.to_owned(), |gap| plain(Some(gap)));
            let (above, comma) = match list.line_end_before_comma() {
                Some(start) => (format!("{start}{gap}"), Some(start.len())),
                None => (list.with_line_ended(gap), None),
            };
            let before_comma = plain(value.decor().suffix());
            let mut value = value.clone();
            value.decor_mut().clear();
            list.items.push(Item { above, comma, value, before_comma, behind: String::new() });
        }
        let mut rest = plain(Some(array.trailing()));
        if let Some(last) = list.items.last_mut().filter(|_| !has_last_comma) {
            rest.insert_str(0, &std::mem::take(&mut last.before_comma));
        }
        list.closing = list.with_line_ended(rest);
        list
    }

    /// From where on the last item's comma stands in a line below it: the rest of that.
    fn line_end_before_comma(&mut self) -> Option<String> {
        let last = self.items.last_mut()?;
        let line_end = last.before_comma.find('\n')?;
        let rest = last.before_comma.split_off(line_end);
        last.behind = std::mem::take(&mut last.before_comma);
        Some(rest)
    }

    /// Gives what ends the line to whatever stands in front of it; hands back the rest.
    fn with_line_ended(&mut self, gap: String) -> String {
        let Some(line_end) = gap.find('\n') else { return gap };
        let behind = self.items.last_mut().map_or(&mut self.opening, |item| &mut item.behind);
        behind.push_str(&gap[..line_end]);
        gap[line_end..].to_owned()
    }

    /// Puts it in the place of what it was made of.
    pub(super) fn write(self, array: &mut Array) {
        array.clear();
        // What stands behind the last comma.
        let mut line = self.opening;
        let mut items = self.items.into_iter().peekable();
        let is_empty = items.peek().is_none();
        while let Some(mut item) = items.next() {
            let above = &item.above[item.comma.filter(|_| !array.is_empty()).unwrap_or(0)..];
            item.value.decor_mut().set_prefix(joined(&line, above));
            let (suffix, behind_comma) = match items.peek() {
                Some(Item { above, comma: Some(comma), .. }) => (
                    joined(&format!("{}{}", item.before_comma, item.behind), &above[..*comma]),
                    String::new(),
                ),
                None if !self.has_last_comma => {
                    (joined(&format!("{}{}", item.before_comma, item.behind), &self.closing), String::new())
                }
                Some(_) | None => (item.before_comma, item.behind),
            };
            item.value.decor_mut().set_suffix(suffix);
            line = behind_comma;
            array.push_formatted(item.value);
        }
        let rest = joined(&line, &self.closing);
        let has_comma = self.has_last_comma && !is_empty;
        let is_rest = has_comma || is_empty && rest.contains('#');
        array.set_trailing(if is_rest { rest.as_str() } else { "" });
        array.set_trailing_comma(has_comma);
    }

    /// The texts of its items; empty where an item is none.
    pub(super) fn texts(&self) -> Vec<String> {
        self.items.iter().map(|item| item.value.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Takes an item out.
    pub(super) fn remove(&mut self, n: usize) {
        self.take(|place| place == n);
    }

    /// Takes items out by their places, each with the comment behind it, if it has its line for itself. A
    /// comment above one may be meant for those below as well, and stays. Takes no longer for many than for one.
    pub(super) fn take(&mut self, is_gone: impl Fn(usize) -> bool) -> Vec<Gone> {
        let mut all_gone = Vec::new();
        let mut waiting = std::mem::take(&mut self.items).into_iter().enumerate().peekable();
        while let Some((n, mut gone)) = waiting.next() {
            if !is_gone(n) {
                self.items.push(gone);
                continue;
            }
            let shares_line = !gone.above.contains('\n');
            if let Some(before) = self.items.last_mut().filter(|_| shares_line) {
                before.behind.push_str(&std::mem::take(&mut gone.behind));
            }
            let next = waiting.peek_mut().map(|(_, next)| next);
            match next {
                Some(next) if !next.above.contains('\n') => {
                    (next.above, next.comma) = (gone.above, gone.comma)
                }
                // The next one moves up to `[`.
                Some(next) if self.items.is_empty() && shares_line && !next.above.contains('#') => {
                    (next.above, next.comma) = (gone.above, None);
                }
                Some(next) => {
                    let kept = kept_comments(gone.above);
                    next.comma = next.comma.map(|comma| comma + kept.len());
                    prepend(&mut next.above, kept);
                }
                None => prepend(&mut self.closing, kept_comments(gone.above)),
            }
            all_gone.push(Gone { value: gone.value, behind: gone.behind });
        }
        all_gone
    }

    /// Puts one that was taken out to another place.
    pub(super) fn put_back(&mut self, n: usize, gone: Gone) {
        self.insert(n, gone.value);
        self.items[n].behind = gone.behind;
    }

    /// Puts an item before the one at its place, below the comment behind the one before.
    pub(super) fn insert(&mut self, n: usize, value: Value) {
        let above = match self.items.get_mut(n) {
            Some(next) => match next.above.rsplit_once('\n') {
                Some((_, indent)) => format!("\n{indent}"),
                None if n == 0 => std::mem::replace(&mut next.above, " ".to_owned()),
                None => next.above.clone(),
            },
            None => self.above_a_last_one(),
        };
        let (before_comma, behind) = (String::new(), String::new());
        self.items.insert(n, Item { above, comma: None, value, before_comma, behind });
    }

    /// A list with one item a line goes on so, below its last comment.
    pub(super) fn push(&mut self, value: Value) {
        self.insert(self.items.len(), value);
    }

    fn above_a_last_one(&mut self) -> String {
        let has_lines = match self.items.last() {
            Some(last) => last.above.contains('\n') || last.behind.contains('#'),
            None => self.closing.contains('\n'),
        };
        if !has_lines {
            return if self.items.is_empty() { String::new() } else { " ".to_owned() };
        }
        let mut lines = self.items.iter().rev().filter_map(|item| item.above.rsplit_once('\n'));
        let indent = lines.next().map_or(USUAL_INDENT, |(_, indent)| indent).to_owned();
        let (comments, end) = match self.closing.rsplit_once('\n') {
            Some((comments, end)) => (comments.to_owned(), format!("\n{end}")),
            None => (String::new(), std::mem::take(&mut self.closing)),
        };
        self.closing = end;
        format!("{comments}\n{indent}")
    }
}

/// The comments above an item that goes, without the beginning of its own line.
fn kept_comments(mut above: String) -> String {
    above.truncate(above.rfind('\n').unwrap_or_default());
    if above.contains('#') { above } else { String::new() }
}

/// Puts a text, which may be long, before another one.
fn prepend(text: &mut String, mut first: String) {
    first.push_str(text);
    *text = first;
}

/// Line ends without their carriage return, which is no good in the middle of a line.
fn plain(raw: Option<&RawString>) -> String {
    text_in(raw).replace("\r\n", "\n")
}

/// Joins a line and what follows it. A comment ends with its line, whatever followed it before.
fn joined(line: &str, next: &str) -> String {
    let line_end = if line.contains('#') && !next.starts_with('\n') { "\n" } else { "" };
    let last_end = if next.rsplit('\n').next().is_some_and(|last| last.contains('#')) { "\n" } else { "" };
    format!("{line}{line_end}{next}{last_end}")
}

const USUAL_INDENT: &str = "    ";
