//! jq's filters that look for a pattern, over texts of any length.
//!
//! jaq's own make every match a value before the first is used, and keep a copy of the text so far for each replacement:
//! a `gsub` over 15 kB took more than an expression may have. Here matches are places in the text, and each becomes a
//! value when it is asked for.

use bytes::Bytes;
use jaq_core::data::JustLut;
use jaq_core::load::parse::Def;
use jaq_core::native::{Filter, Fun, bome, run, v};
use jaq_core::{Bind, Cv, Error, Exn, RunPtr, ValR, ValT as _, ValXs};
use jaq_json::Val;
use regex_bites::bytes::{Regex, RegexBuilder};

type Data = JustLut<Val>;
type Made<T> = Result<T, Error<Val>>;

/// What is defined here, by name and number of arguments.
const HERE: [(&str, usize); 5] = [("test", 2), ("match", 2), ("capture", 2), ("scan_", 2), ("sub", 3)];

pub fn is_defined_here(def: &Def<&str>) -> bool {
    HERE.contains(&(def.name, def.args.len()))
}

pub fn funs() -> impl Iterator<Item = Fun<Data>> {
    let replace = [Bind::Var(()), Bind::Fun(()), Bind::Var(())];
    let all: [Filter<RunPtr<Data>>; HERE.len()] = [
        ("test", v(2), |cv| bome(Found::of(cv).map(|found| Val::from(!found.matches.is_empty())))),
        ("match", v(2), |cv| each(cv, Found::matched)),
        ("capture", v(2), |cv| each(cv, |found, groups, _| found.captured(groups))),
        ("scan_", v(2), |cv| each(cv, |found, groups, _| Ok(found.scanned(groups)))),
        ("sub", Box::new(replace), sub),
    ];
    all.map(run::<Data>).into_iter()
}

/// Where a group begins and ends, if it took part in the match.
type Span = Option<(usize, usize)>;

/// All matches in a text.
struct Found {
    text: Bytes,
    /// Of the groups, the whole first.
    names: Vec<Option<String>>,
    /// As many as there are names for each match.
    spans: Vec<Span>,
    matches: std::ops::Range<usize>,
}

impl Found {
    fn of(mut cv: Cv<'_, Data>) -> Made<Found> {
        let flags = cv.0.pop_var();
        let pattern = cv.0.pop_var();
        Found::new(cv.1, &pattern, &flags)
    }

    fn new(text: Val, pattern: &Val, flags: &Val) -> Made<Found> {
        let Val::TStr(text) = text else { return Err(Error::typ(text, "string")) };
        let flags = Flags::of(str_of(flags)?)?;
        let regex = flags.regex(str_of(pattern)?)?;
        let names: Vec<_> = regex.capture_names().map(|name| name.map(str::to_owned)).collect();
        let mut spans = Vec::new();
        for captures in regex.captures_iter(&text) {
            let whole = captures.get(0).expect("a match has its whole");
            if flags.no_empty && whole.is_empty() {
                continue;
            }
            spans.extend(captures.iter().map(|group| group.map(|group| (group.start(), group.end()))));
            if !flags.global {
                break;
            }
        }
        let matches = 0..spans.len() / names.len();
        Ok(Found { text: *text, names, spans, matches })
    }

    fn groups(&self, at: usize) -> &[Span] {
        let count = self.names.len();
        &self.spans[at * count..][..count]
    }

    fn bytes(&self, (start, end): (usize, usize)) -> Val {
        Val::utf8_str(self.text.slice(start..end))
    }

    fn chars(&self, start: usize, end: usize) -> usize {
        String::from_utf8_lossy(&self.text[start..end]).chars().count()
    }

    /// As `match` gives it. `offset` is how many characters stand before the whole.
    fn matched(&self, groups: &[Span], offset: usize) -> ValR<Val> {
        let begin = start(groups);
        let mut all = groups.iter().zip(&self.names).filter_map(|(span, name)| {
            let (from, to) = (*span)?;
            let before = if from < begin { 0 } else { self.chars(begin, from) };
            let fields = [
                ("offset", Val::from(offset + before)),
                ("length", Val::from(self.chars(from, to))),
                ("string", self.bytes((from, to))),
            ];
            let name = name.as_ref().map(|name| ("name", Val::from(name.clone())));
            Some(fields.into_iter().chain(name).map(|(key, value)| (key_of(key), value)).collect::<Vec<_>>())
        });
        let whole = all.next().unwrap_or_default();
        let captures = all.map(Val::from_map).collect::<ValR<Val>>()?;
        Val::from_map(whole.into_iter().chain([(key_of("captures"), captures)]))
    }

    fn captured(&self, groups: &[Span]) -> ValR<Val> {
        let named = groups
            .iter()
            .zip(&self.names)
            .filter_map(|(span, name)| Some((Val::from(name.as_ref()?.clone()), self.bytes((*span)?))));
        Val::from_map(named)
    }

    /// The groups where there are any, else the whole.
    fn scanned(&self, groups: &[Span]) -> Val {
        let mut texts: Vec<Val> = groups.iter().flatten().map(|span| self.bytes(*span)).collect();
        let rest = texts.split_off(1.min(texts.len()));
        if rest.is_empty() { texts.pop().unwrap_or_default() } else { rest.into_iter().collect() }
    }
}

fn start(groups: &[Span]) -> usize {
    groups.first().copied().flatten().map_or(0, |(start, _)| start)
}

fn key_of(key: &'static str) -> Val {
    Val::utf8_str(Bytes::from_static(key.as_bytes()))
}

fn str_of(value: &Val) -> Made<&str> {
    let Val::TStr(text) = value else { return Err(Error::typ(value.clone(), "string")) };
    std::str::from_utf8(text).map_err(Error::str)
}

/// One value for each match, made when it is asked for: of its groups, and of how many characters stand before it.
fn each(cv: Cv<'_, Data>, of: fn(&Found, &[Span], usize) -> ValR<Val>) -> ValXs<'_, Val> {
    let found = match Found::of(cv) {
        Ok(found) => found,
        Err(error) => return bome(Err(error)),
    };
    let (mut at, mut offset) = (0, 0);
    Box::new(found.matches.clone().map(move |number| {
        let groups = found.groups(number);
        offset += found.chars(at, start(groups));
        at = start(groups);
        of(&found, groups, offset).map_err(Exn::from)
    }))
}

/// Each match in turn, replaced by what the filter makes of its named groups: one text for each of its results.
fn sub(mut cv: Cv<'_, Data>) -> ValXs<'_, Val> {
    let flags = cv.0.pop_var();
    let (filter, context) = cv.0.pop_fun();
    let pattern = cv.0.pop_var();
    let found = match Found::new(cv.1, &pattern, &flags) {
        Ok(found) => found,
        Err(error) => return bome(Err(error)),
    };
    let (mut texts, mut at) = (vec![Vec::new()], 0);
    for number in found.matches.clone() {
        let groups = found.groups(number);
        let Some((from, to)) = groups[0] else { continue };
        texts.iter_mut().for_each(|text: &mut Vec<u8>| text.extend_from_slice(&found.text[at..from]));
        at = to;
        let replaced = match found.captured(groups) {
            Ok(captured) => filter.run::<Data>((context.clone(), captured)).collect::<Result<Vec<_>, _>>(),
            Err(error) => return bome(Err(error)),
        };
        texts = match replaced.and_then(|by| with_each(texts, &by).map_err(Exn::from)) {
            Ok(texts) => texts,
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
    }
    Box::new(texts.into_iter().map(move |mut text| {
        text.extend_from_slice(&found.text[at..]);
        Ok(Val::utf8_str(text))
    }))
}

/// Every text with every end. The usual one grows where it is.
fn with_each(mut texts: Vec<Vec<u8>>, ends: &[Val]) -> Made<Vec<Vec<u8>>> {
    let ends = ends.iter().map(|end| match end {
        Val::TStr(text) => Ok(&text[..]),
        Val::Null => Ok(&[][..]),
        other => Err(Error::typ(other.clone(), "string")),
    });
    let ends = ends.collect::<Made<Vec<&[u8]>>>()?;
    if let [end] = ends[..] {
        texts.iter_mut().for_each(|text| text.extend_from_slice(end));
        return Ok(texts);
    }
    Ok(texts.iter().flat_map(|text| ends.iter().map(|end| [&text[..], end].concat())).collect())
}

#[derive(Default)]
struct Flags {
    global: bool,
    no_empty: bool,
    ignore_case: bool,
    multi_line: bool,
    dot_matches_new_line: bool,
    swap_greed: bool,
    extended: bool,
}

impl Flags {
    fn of(letters: &str) -> Made<Flags> {
        let mut flags = Flags::default();
        for letter in letters.chars() {
            match letter {
                'g' => flags.global = true,
                'n' => flags.no_empty = true,
                'i' => flags.ignore_case = true,
                'm' => flags.multi_line = true,
                's' => flags.dot_matches_new_line = true,
                'l' => flags.swap_greed = true,
                'x' => flags.extended = true,
                'p' => (flags.multi_line, flags.dot_matches_new_line) = (true, true),
                other => return Err(Error::str(format!("invalid regex flag: {other}"))),
            }
        }
        Ok(flags)
    }

    fn regex(&self, pattern: &str) -> Made<Regex> {
        RegexBuilder::new(pattern)
            .case_insensitive(self.ignore_case)
            .multi_line(self.multi_line)
            .dot_matches_new_line(self.dot_matches_new_line)
            .swap_greed(self.swap_greed)
            .ignore_whitespace(self.extended)
            .build()
            .map_err(|error| Error::str(format!("invalid regex: {error}")))
    }
}
