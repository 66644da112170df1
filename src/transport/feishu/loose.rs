//! Values as the platform sends them, which is not always as it describes them: a number where a string is usual
//! and the other way round, null for a list or an object, a list without its field. One oddity never costs the
//! rest of an answer or of an event: what a type here cannot read is empty.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// Text where a string is expected; numbers read as their digits, everything else as empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text<'a>(pub Cow<'a, str>);

impl Text<'_> {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
        deserializer.deserialize_any(TextVisitor { keeps_json: false })
    }
}

struct TextVisitor {
    /// Lists and objects are their own text, instead of none.
    keeps_json: bool,
}

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(number.to_string())))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }

    fn visit_unit<E>(self) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Text<'de>, A::Error> {
        if self.keeps_json {
            let list = Vec::<Value>::deserialize(SeqAccessDeserializer::new(seq))?;
            return Ok(Text(Cow::Owned(Value::Array(list).to_string())));
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text<'de>, A::Error> {
        if self.keeps_json {
            let object = serde_json::Map::deserialize(MapAccessDeserializer::new(map))?;
            return Ok(Text(Cow::Owned(Value::Object(object).to_string())));
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text::default())
    }
}

/// The content of a message: JSON in a string, or that JSON itself, as its text.
pub fn content<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Text<'a>, D::Error> {
    deserializer.deserialize_any(TextVisitor { keeps_json: true })
}

/// For fields that are kept; `#[serde(default, deserialize_with = …)]` reads a missing one likewise.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Text::deserialize(deserializer)?.0.into_owned())
}

/// Absent instead of empty.
pub fn some_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    text(deserializer).map(|text| Some(text).filter(|text| !text.is_empty()))
}

/// Text without which its object says nothing.
pub fn needed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    some_text(deserializer)?.ok_or_else(|| D::Error::custom("an id is missing"))
}

/// A number, as one or as its digits.
pub fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let text = Text::deserialize(deserializer)?;
    let text = text.as_str().trim();
    // 7.0 is how some writers of JSON put a 7.
    let whole = |number: f64| (number.fract() == 0.0 && number.abs() < WHOLE_MAX).then_some(number as i64);
    Ok(text.parse().ok().or_else(|| text.parse::<f64>().ok().and_then(whole)))
}

/// Beyond this a float is no longer a whole number.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Yes or no, as a bool, a number or a word.
pub fn some_flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    let raw = <Box<RawValue>>::deserialize(deserializer)?;
    Ok(match raw.get().trim_matches('"') {
        "true" | "True" | "1" => Some(true),
        "false" | "False" | "0" => Some(false),
        _ => None,
    })
}

pub fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    some_flag(deserializer).map(Option::unwrap_or_default)
}

/// An object; anything else, and one that cannot be read, is an empty one.
pub fn object<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    some_object(deserializer).map(Option::unwrap_or_default)
}

/// The same for what may be absent.
pub fn some_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(read_object(<&RawValue>::deserialize(deserializer)?.get()))
}

/// Structs would take a list for their fields in order, too.
pub fn read_object<'de, T: Deserialize<'de>>(raw: &'de str) -> Option<T> {
    raw.starts_with('{').then(|| serde_json::from_str(raw).ok()).flatten()
}

/// A list whose odd elements are left out; anything but a list is empty.
#[derive(Clone, Debug)]
pub struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List(Vec::new())
    }
}

/// Elements of any list that are looked at. Longer ones are cut: nothing the platform sends comes near.
pub const LIST_MAX: usize = 10_000;

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<List<T>, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let (mut list, _) = elements(raw);
        list.truncate(LIST_MAX);
        Ok(List(list))
    }
}

/// A list of an answer, which knows how many of its elements could not be read: nobody may miss them unsaid.
#[derive(Debug)]
pub struct Rows<T> {
    pub items: Vec<T>,
    pub odd: usize,
}

impl<T> Default for Rows<T> {
    fn default() -> Rows<T> {
        Rows { items: Vec::new(), odd: 0 }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Rows<T>, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        let (items, odd) = elements(raw);
        Ok(Rows { items, odd })
    }
}

/// The elements that can be read, and how many cannot.
fn elements<'de, T: Deserialize<'de>>(raw: &'de str) -> (Vec<T>, usize) {
    // As it nearly always is: every element in order.
    if let Ok(list) = serde_json::from_str::<Vec<T>>(raw) {
        return (list, 0);
    }
    let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(raw) else {
        let nothing = matches!(raw, "null" | "\"\"" | "{}" | "false" | "0");
        return (Vec::new(), usize::from(!nothing));
    };
    let count = elements.len();
    let read: Vec<T> = elements.into_iter().filter_map(|raw| serde_json::from_str(raw.get()).ok()).collect();
    let odd = count - read.len();
    (read, odd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Odd<'a> {
        #[serde(deserialize_with = "text")]
        text: String,
        #[serde(deserialize_with = "number")]
        number: Option<i64>,
        #[serde(deserialize_with = "some_flag")]
        flag: Option<bool>,
        #[serde(borrow, deserialize_with = "object")]
        inner: Inner<'a>,
        #[serde(borrow, deserialize_with = "some_object")]
        some: Option<Inner<'a>>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Inner<'a> {
        #[serde(borrow)]
        name: Text<'a>,
    }

    fn read(json: &str) -> Odd<'_> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_and_flags_come_as_such_or_as_words() {
        for (json, number, flag) in [
            (r#"{"number":7,"flag":true}"#, Some(7), Some(true)),
            (r#"{"number":"7","flag":"true"}"#, Some(7), Some(true)),
            (r#"{"number":7.0,"flag":0}"#, Some(7), Some(false)),
            (r#"{"number":" -7 ","flag":"False"}"#, Some(-7), Some(false)),
            (r#"{"number":7.5,"flag":"maybe"}"#, None, None),
            (r#"{"number":1e300,"flag":{}}"#, None, None),
            (r#"{"number":null,"flag":null}"#, None, None),
            (r#"{"number":[7],"flag":[]}"#, None, None),
            ("{}", None, None),
        ] {
            let odd = read(json);
            assert_eq!((odd.number, odd.flag), (number, flag), "{json}");
        }
    }

    #[test]
    fn an_object_of_another_type_is_empty_and_breaks_nothing() {
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        for inner in ["null", "7", "\"x\"", "[1]", "{}", r#"{"name":null}"#, &deep] {
            let json = format!(r#"{{"inner":{inner},"some":{inner},"text":12}}"#);
            let odd = read(&json);
            assert_eq!((odd.text.as_str(), odd.inner.name.as_str()), ("12", ""), "{json}");
            assert!(odd.some.is_none_or(|some| some.name.is_empty()));
        }
        assert_eq!(read(r#"{"some":{"name":"a"}}"#).some.unwrap().name.as_str(), "a");
    }

    #[test]
    fn plain_text_is_borrowed() {
        let text: Text<'_> = serde_json::from_str("\"plain\"").unwrap();
        assert!(matches!(text.0, Cow::Borrowed("plain")));
        let escaped: Text<'_> = serde_json::from_str(r#""a\nb""#).unwrap();
        assert_eq!(escaped.as_str(), "a\nb");
    }

    #[test]
    fn rows_count_what_they_leave_out() {
        let rows = |json: &str| serde_json::from_str::<Rows<Vec<u8>>>(json).unwrap();
        for (json, items, odd) in [
            ("[[1],[2]]", 2, 0),
            ("[[1],null,7,[2]]", 2, 2),
            ("null", 0, 0),
            ("[]", 0, 0),
            ("{}", 0, 0),
            (r#"{"0":[1]}"#, 0, 1),
            ("\"x\"", 0, 1),
        ] {
            let rows = rows(json);
            assert_eq!((rows.items.len(), rows.odd), (items, odd), "{json}");
        }
        let list: List<Text<'_>> = serde_json::from_str("\"x\"").unwrap();
        assert!(list.0.is_empty());
    }
}
