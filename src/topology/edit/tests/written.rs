//! Documents as people write them, with a comment of its own at every place where one may stand, and
//! changes of them.

use super::*;

/// A piece of a document.
#[derive(Clone, Debug)]
pub(super) struct Block {
    /// `pool`, `partner`, `gateway`.
    pub(super) kind: &'static str,
    /// Its number among its kind.
    pub(super) n: usize,
    /// Whether a comment stands above it, directly and behind a blank line.
    own_comment: bool,
    other_comment: bool,
    /// Whether a comment stands behind the header.
    header_comment: bool,
    /// The optional keys that it has, each with how it is written.
    keys: Vec<(usize, u8)>,
    blank_lines: usize,
}

impl Block {
    pub(super) fn entry(&self) -> Entry {
        match self.kind {
            "pool" => pool(&format!("p{}.example", self.n)),
            "partner" => super::partner(&format!("d{}.example", self.n)),
            _ => Entry::only::<Gateway>(),
        }
    }

    /// The key and a value for it, by its number.
    fn key(&self, key: usize) -> (&'static str, String) {
        match (self.kind, key) {
            ("gateway", 0) => ("timeout", "\"90s\"".into()),
            ("gateway", 1) => ("connection_limit", "500".into()),
            ("gateway", _) => ("deliver_timeout", "\"20s\"".into()),
            ("pool", 0) => ("site", "'Redmond'".into()),
            ("pool", 1) => ("registrar_port", "5_222".into()),
            ("pool", 2) => ("allow_plain", "false".into()),
            (_, 1) => ("connection_limit", "0x10".into()),
            (_, 2) => ("body", "\"\"\"A test.\n# no comment\n\"\"\"".into()),
            (_, _) => ("description", "\"what # it is\"".into()),
        }
    }

    /// The lines, each with whose it is: `kind.n` for the table, `kind.n.key` for a key, `kind.n.key.m` for an
    /// item of a list, and nothing for what is nobody's.
    pub(super) fn lines(&self) -> Vec<(String, String)> {
        let me = format!("{}.{}", self.kind, self.n);
        let mut lines = Vec::new();
        let mut say = |text: String, whose: &str| {
            lines.extend(text.lines().map(|line| (line.to_owned(), whose.to_owned())))
        };
        let nobody = |what: &str| format!("#  {me}, {what}: nobody's");
        if self.other_comment {
            say(format!("{}\n\n", nobody("above")), "");
        }
        if self.own_comment {
            say(format!("# {me}: its own"), &me);
        }
        let behind = if self.header_comment { format!("   # {me}: behind") } else { String::new() };
        match self.kind {
            "gateway" => say(format!("[ gateway ]{behind}"), &me),
            kind => say(format!("[[{kind}]]{behind}"), &me),
        }
        match self.kind {
            "pool" => {
                say(format!("identity   = \"P{}.example\"", self.n), &me);
                say(format!("domains=['u{}.example']", self.n), &format!("{me}.domains"));
                say(format!("test_users = [  # {me}: who"), &format!("{me}.test_users"));
                for user in 0..3 {
                    say(
                        format!("  \"sip:{user}@u{}.example\",\t# {me}: user {user}", self.n),
                        &format!("{me}.test_users.{user}"),
                    );
                }
                say("]".into(), &format!("{me}.test_users"));
            }
            "partner" => say(format!("\"domain\" = \"d{}.example\"", self.n), &me),
            _ => {}
        }
        for (key, how) in &self.keys {
            let (name, value) = self.key(*key);
            let whose = format!("{me}.{name}");
            if how & 1 != 0 {
                // In the table, it is the table's.
                say(format!("\n{}\n\n", nobody(name)), &me);
            }
            if how & 2 != 0 {
                say(format!("  # {whose}: its own"), &whose);
            }
            let behind = if how & 4 != 0 { format!(" # {whose}: behind") } else { String::new() };
            let equals = if how & 8 != 0 { "  =\t" } else { " = " };
            say(format!("{name}{equals}{value}{behind}"), &whose);
        }
        say("\n".repeat(self.blank_lines), "");
        lines
    }
}

pub(super) fn block(kind: &'static str, n: usize) -> impl Strategy<Value = Block> {
    let keys = prop::sample::subsequence(vec![0, 1, 2], 0..=3);
    let how = prop::collection::vec(0_u8..16, 3);
    (any::<[bool; 3]>(), keys, how, 0_usize..3).prop_map(move |(comments, keys, how, blank_lines)| {
        Block {
            kind,
            n,
            own_comment: comments[0],
            other_comment: comments[1],
            header_comment: comments[2],
            keys: keys.into_iter().zip(how).collect(),
            // A comment directly below a key would be the next table's own.
            blank_lines: blank_lines.max(1),
        }
    })
}

/// A document: its blocks in any order, and whether its lines end as on Windows.
pub(super) fn document() -> impl Strategy<Value = (Vec<Block>, bool)> {
    let blocks = (
        block("pool", 0),
        block("pool", 1),
        block("pool", 2),
        block("partner", 0),
        block("partner", 1),
        block("gateway", 0),
    );
    let blocks = blocks.prop_map(|(a, b, c, d, e, f)| vec![a, b, c, d, e, f]).prop_shuffle();
    (blocks, any::<bool>())
}

/// A change: which block, what of it, and which lines it may touch.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    Set(usize, &'static str),
    Clear(usize, &'static str),
    AddUser(usize),
    RemoveUser(usize, usize),
    ReplaceUser(usize, usize),
    Remove(usize),
    Add,
}

pub(super) fn edit() -> impl Strategy<Value = Edit> {
    let keys = || {
        prop::sample::select(vec![
            "description",
            "site",
            "registrar_port",
            "connection_limit",
            "timeout",
            "body",
            "allow_plain",
        ])
    };
    prop_oneof![
        (0_usize..6, keys()).prop_map(|(block, key)| Edit::Set(block, key)),
        (0_usize..6, keys()).prop_map(|(block, key)| Edit::Clear(block, key)),
        (0_usize..6).prop_map(Edit::AddUser),
        (0_usize..6, 0_usize..3).prop_map(|(block, user)| Edit::RemoveUser(block, user)),
        (0_usize..6, 0_usize..3).prop_map(|(block, user)| Edit::ReplaceUser(block, user)),
        (0_usize..6).prop_map(Edit::Remove),
        Just(Edit::Add),
    ]
}

impl Edit {
    /// Makes the change; gives whose lines it may touch, nothing where it does not fit the block.
    pub(super) fn make(&self, blocks: &[Block], document: &mut Document) -> Option<Vec<String>> {
        let name = |block: &Block| format!("{}.{}", block.kind, block.n);
        let user = |block: &Block, user: usize| format!("{user}@u{}.example", block.n);
        match self {
            Self::Set(n, key) => {
                let block = &blocks[*n];
                let setting = match *key {
                    "registrar_port" | "connection_limit" => NewValue::Number(77),
                    "allow_plain" => NewValue::Flag(true),
                    "timeout" => text("70s"),
                    _ => text("new \"value\" # of it"),
                };
                fits(block, key).then_some(())?;
                document.set(&block.entry(), &[(key, setting)]).ok()?;
                Some(vec![format!("{}.{key}", name(block))])
            }
            Self::Clear(n, key) => {
                let block = &blocks[*n];
                fits(block, key).then_some(())?;
                document.set(&block.entry(), &[(key, NewValue::Default)]).ok()?;
                Some(vec![format!("{}.{key}", name(block))])
            }
            Self::AddUser(n) => {
                let block = blocks.get(*n).filter(|block| block.kind == "pool")?;
                let setting = NewValue::Items { add: vec![user(block, 9)], remove: vec![] };
                document.set(&block.entry(), &[("test_users", setting)]).ok()?;
                Some(vec![])
            }
            Self::RemoveUser(n, gone) => {
                let block = blocks.get(*n).filter(|block| block.kind == "pool")?;
                let setting = NewValue::Items { add: vec![], remove: vec![user(block, *gone)] };
                document.set(&block.entry(), &[("test_users", setting)]).ok()?;
                Some(vec![format!("{}.test_users.{gone}", name(block))])
            }
            Self::ReplaceUser(n, gone) => {
                let block = blocks.get(*n).filter(|block| block.kind == "pool")?;
                let users = (0..3).map(|n| user(block, if n == *gone { 8 } else { n })).collect();
                document.set(&block.entry(), &[("test_users", NewValue::List(users))]).ok()?;
                Some(vec![format!("{}.test_users.{gone}", name(block))])
            }
            Self::Remove(n) => {
                document.remove(&blocks[*n].entry()).ok()?;
                Some(vec![name(&blocks[*n])])
            }
            Self::Add => {
                document.add(&super::partner("new.example"), &[("description", text("new"))]).ok()?;
                Some(vec![])
            }
        }
    }
}

fn fits(block: &Block, key: &str) -> bool {
    match block.kind {
        "pool" => ["description", "site", "registrar_port", "allow_plain"].contains(&key),
        "partner" => ["description", "connection_limit", "body"].contains(&key),
        _ => ["timeout", "connection_limit"].contains(&key),
    }
}

/// One item of a list as people write it.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// Whether it stands in the line of the one before.
    shares_line: bool,
    above: bool,
    behind: bool,
}

/// A list in one of its spellings: of texts or of inline tables, with comments wherever one may stand.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) items: Vec<Listed>,
    has_last_comma: bool,
    comma_first: bool,
    opening: bool,
    closing: bool,
    is_crlf: bool,
}

pub(super) fn written_list() -> impl Strategy<Value = Written> {
    let item = any::<[bool; 3]>().prop_map(|[shares_line, above, behind]| Listed {
        shares_line,
        above: above && !shares_line,
        behind,
    });
    (prop::collection::vec(item, 1..6), any::<[bool; 5]>()).prop_map(|(mut items, flags)| {
        // What shares a line with a comment would be in it.
        for n in 1..items.len() {
            items[n].shares_line &= !items[n - 1].behind;
        }
        let [has_last_comma, comma_first, opening, closing, is_crlf] = flags;
        items[0].shares_line &= !opening;
        Written {
            items,
            has_last_comma: has_last_comma && !comma_first,
            comma_first,
            opening,
            closing,
            is_crlf,
        }
    })
}

impl Written {
    /// The list with `item` for each of its items, by number.
    pub(super) fn text(&self, item: impl Fn(usize) -> String) -> String {
        let mut text = String::from("[");
        text.push_str(if self.opening { " # opening" } else { "" });
        let n_items = self.items.len();
        for (n, listed) in self.items.iter().enumerate() {
            let is_last = n + 1 == n_items;
            text.push_str(if listed.shares_line { " " } else { "\n" });
            if listed.above {
                text.push_str(&format!("\t# above {n}\n"));
            }
            let is_alone = !listed.shares_line;
            text.push_str(if is_alone { "  " } else { "" });
            text.push_str(if self.comma_first && n > 0 && is_alone { ", " } else { "" });
            text.push_str(&item(n));
            let next_has_it = self.comma_first && self.items.get(n + 1).is_some_and(|next| !next.shares_line);
            text.push_str(if next_has_it || is_last && !self.has_last_comma { "" } else { "," });
            text.push_str(&if listed.behind { format!("  # behind {n}") } else { String::new() });
        }
        let needs_line = self.items.last().is_some_and(|last| last.behind);
        text.push_str(if self.closing {
            "\n  # closing\n"
        } else if needs_line {
            "\n"
        } else {
            ""
        });
        text.push(']');
        if self.is_crlf { text.replace('\n', "\r\n") } else { text }
    }

    /// The comments that stay when these items go, in their order: all but those behind an item that has its
    /// line for itself.
    pub(super) fn comments_without(&self, gone: &[usize]) -> Vec<String> {
        let mut comments = Vec::new();
        comments.extend(self.opening.then(|| "# opening".to_owned()));
        let mut line: Vec<usize> = Vec::new();
        for (n, listed) in self.items.iter().enumerate() {
            if !listed.shares_line {
                line.clear();
            }
            line.push(n);
            comments.extend(listed.above.then(|| format!("# above {n}")));
            let stays = line.iter().any(|n| !gone.contains(n));
            comments.extend((listed.behind && stays).then(|| format!("# behind {n}")));
        }
        comments.extend(self.closing.then(|| "# closing".to_owned()));
        comments
    }

    /// Returns the items in the line that ends with the comment behind an item.
    pub(super) fn before_the_comment_behind(&self, n: usize) -> Vec<usize> {
        let first = (0..=n).rev().find(|n| !self.items[*n].shares_line).unwrap_or(0);
        (first..=n).collect()
    }
}
