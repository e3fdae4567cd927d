//! Help as text: a cmdlet's page from its description, and the `about_` pages.
//!
//! Read by `Get-Help` and `Get-Command`; knows no call and prints nothing.

pub mod page;
pub mod about;

/// Columns of a help page.
pub const WIDTH: usize = 80;

/// The text in paragraphs of at most [`WIDTH`] columns, each line behind `indent` blanks. A line that
/// begins with a blank, a `|` or a `#` is kept as it is.
pub fn wrapped(text: &str, indent: usize) -> String {
    let margin = " ".repeat(indent);
    let mut out = String::new();
    for line in text.lines() {
        if line.starts_with([' ', '|', '#']) {
            out.push_str(&format!("{margin}{line}\n"));
            continue;
        }
        let mut column = 0;
        for word in line.split_whitespace() {
            let width = word.chars().count();
            if column == 0 {
                out.push_str(&margin);
            } else if indent + column + 1 + width > WIDTH {
                out.push('\n');
                out.push_str(&margin);
                column = 0;
            } else {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += width;
        }
        out.push('\n');
    }
    out
}
