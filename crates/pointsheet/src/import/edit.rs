//! Changing one value of a TOML text and nothing around it.

use toml_edit::{Array, InlineTable, Item, RawString, Table, TableLike, Value};

/// A table in either spelling: under a header, or between braces.
pub(crate) enum Holder<'a> {
    Table(&'a mut Table),
    Inline(&'a mut InlineTable),
}

impl Holder<'_> {
    fn like(&self) -> &dyn TableLike {
        match self {
            Self::Table(table) => *table,
            Self::Inline(table) => *table,
        }
    }

    fn like_mut(&mut self) -> &mut dyn TableLike {
        match self {
            Self::Table(table) => *table,
            Self::Inline(table) => *table,
        }
    }

    /// A text.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.like().get(key).and_then(Item::as_str).map(str::to_owned)
    }

    /// A number.
    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        self.like().get(key).and_then(Item::as_value).and_then(number)
    }

    /// Whether there is such a key.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.like().contains_key(key)
    }

    /// Gives a key a value; what it was as written and what it is, where that differs. A value that says the same in
    /// another spelling (`30000` and `30000.0`) stays as it is, and so do comments.
    pub(crate) fn set(&mut self, key: &str, new: Value) -> Option<(Option<String>, String)> {
        let shown = new.to_string().trim().to_owned();
        if let Some(old) = self.like_mut().get_mut(key).and_then(Item::as_value_mut) {
            if same(old, &new) {
                return None;
            }
            let decor = old.decor().clone();
            // Told without the comment that stands beside it.
            old.decor_mut().clear();
            let before = old.to_string();
            *old = new;
            *old.decor_mut() = decor;
            return Some((Some(before), shown));
        }
        if let Self::Inline(table) = self {
            // The blank before the closing brace belongs to the last value: it moves to the new one.
            let last = table.iter().last().map(|(key, _)| key.to_owned());
            let value = last.and_then(|last| table.get_mut(&last));
            if let Some(value) = value {
                value.decor_mut().set_suffix("");
            }
            let mut new = new;
            new.decor_mut().set_prefix(" ");
            new.decor_mut().set_suffix(" ");
            table.insert(key, new);
        } else {
            self.like_mut().insert(key, Item::Value(new));
        }
        Some((None, shown))
    }

    /// Converts the numbers of a key, one or an array of them; what they were and are.
    pub(crate) fn convert(
        &mut self,
        key: &str,
        convert: &dyn Fn(f64) -> Option<f64>,
    ) -> Option<(Option<String>, String)> {
        let new = match self.like().get(key).and_then(Item::as_value)? {
            Value::Array(numbers) => {
                let numbers: Option<Array> = numbers.iter().map(|one| convert(number(one)?)).collect();
                Value::Array(numbers?)
            }
            one => convert(number(one)?)?.into(),
        };
        self.set(key, new)
    }
}

fn number(value: &Value) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "as the TOML reader takes whole numbers for floats")]
    value.as_float().or_else(|| value.as_integer().map(|number| number as f64))
}

/// Whether two values say the same.
fn same(old: &Value, new: &Value) -> bool {
    match (old, new) {
        (Value::String(old), Value::String(new)) => old.value() == new.value(),
        (Value::Array(old), Value::Array(new)) => {
            old.len() == new.len() && old.iter().zip(new.iter()).all(|(old, new)| same(old, new))
        }
        _ => number(old).is_some_and(|old| Some(old) == number(new)),
    }
}

/// A new table begins after an empty line.
pub(crate) fn spaced(table: &mut Table) {
    table.decor_mut().set_prefix(RawString::from("\n"));
}
