//! A small filter language to select runs: `f1 > 0.85 and data.batch_size == 16`.

use serde_json::Value;

/// A condition on a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Both conditions hold.
    And(Box<Filter>, Box<Filter>),
    /// At least one condition holds.
    Or(Box<Filter>, Box<Filter>),
    /// The condition does not hold.
    Not(Box<Filter>),
    /// A quantity compared with a value.
    Test {
        /// A setting's path, a metric, or a fact such as `status`.
        name: String,
        /// `==`, `!=`, `<`, `<=`, `>` or `>=`.
        operator: Operator,
        /// A number, text in quotes, a word, true or false.
        value: Value,
    },
}

/// How a quantity is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

const OPERATORS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// Maximum nesting depth of parentheses.
const DEEPEST: usize = 64;

impl Filter {
    /// Parses a condition.
    ///
    /// # Errors
    /// What is wrong, with a caret below the place in the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let filter = parser.either().and_then(|filter| {
            parser.skip_blanks();
            if parser.at == text.len() { Ok(filter) } else { Err("expected `and`, `or` or the end".to_string()) }
        });
        filter.map_err(|problem| format!("{problem}\n  {text}\n  {}^", " ".repeat(text[..parser.at].chars().count())))
    }

    /// Returns whether the condition holds. For a quantity that the run lacks, every comparison except `!=` is false.
    pub fn holds(&self, quantity: &impl Fn(&str) -> Option<Value>) -> bool {
        match self {
            Self::And(a, b) => a.holds(quantity) && b.holds(quantity),
            Self::Or(a, b) => a.holds(quantity) || b.holds(quantity),
            Self::Not(inner) => !inner.holds(quantity),
            Self::Test { name, operator, value } => match quantity(name) {
                Some(found) => operator.holds(&found, value),
                None => *operator == Operator::Unequal,
            },
        }
    }

    /// Returns the names of the quantities that it uses.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::And(a, b) | Self::Or(a, b) => [a.names(), b.names()].concat(),
            Self::Not(inner) => inner.names(),
            Self::Test { name, .. } => vec![name],
        }
    }
}

impl Operator {
    fn holds(self, found: &Value, value: &Value) -> bool {
        let equal = match (found.as_f64(), value.as_f64()) {
            (Some(found), Some(value)) => found == value,
            _ => found == value,
        };
        let order = found.as_f64().zip(value.as_f64()).and_then(|(found, value)| found.partial_cmp(&value));
        match self {
            Self::Equal => equal,
            Self::Unequal => !equal,
            Self::Less => order.is_some_and(std::cmp::Ordering::is_lt),
            Self::AtMost => order.is_some_and(std::cmp::Ordering::is_le),
            Self::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
            Self::AtLeast => order.is_some_and(std::cmp::Ordering::is_ge),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Consumes a word such as `and`, if it comes next.
    fn word(&mut self, word: &str) -> bool {
        self.skip_blanks();
        let follows = self.rest().strip_prefix(word).is_some_and(|rest| !rest.starts_with(is_name));
        if follows {
            self.at += word.len();
        }
        follows
    }

    fn either(&mut self) -> Result<Filter, String> {
        let mut filter = self.both()?;
        while self.word("or") {
            filter = Filter::Or(Box::new(filter), Box::new(self.both()?));
        }
        Ok(filter)
    }

    fn both(&mut self) -> Result<Filter, String> {
        let mut filter = self.one()?;
        while self.word("and") {
            filter = Filter::And(Box::new(filter), Box::new(self.one()?));
        }
        Ok(filter)
    }

    fn one(&mut self) -> Result<Filter, String> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err("too many parentheses".into());
        }
        let filter = if self.word("not") {
            Filter::Not(Box::new(self.one()?))
        } else if self.rest().starts_with('(') {
            self.at += 1;
            let inner = self.either()?;
            self.skip_blanks();
            if !self.rest().starts_with(')') {
                return Err("expected `)`".into());
            }
            self.at += 1;
            inner
        } else {
            self.test()?
        };
        self.depth -= 1;
        Ok(filter)
    }

    fn test(&mut self) -> Result<Filter, String> {
        let name = self.name().ok_or("expected a setting, a metric or status, such as f1 or data.batch_size")?;
        self.skip_blanks();
        let found = OPERATORS.iter().find(|(sign, _)| self.rest().starts_with(sign));
        let (sign, operator) = found.ok_or("expected ==, !=, <, <=, > or >=")?;
        self.at += sign.len();
        self.skip_blanks();
        let value = self.value().ok_or("expected a number, a word, or text in quotes")?;
        Ok(Filter::Test { name, operator: *operator, value })
    }

    fn name(&mut self) -> Option<String> {
        self.skip_blanks();
        let length = self.rest().find(|c| !is_name(c)).unwrap_or(self.rest().len());
        let name = self.rest()[..length].to_string();
        self.at += length;
        Some(name).filter(|name| !name.is_empty())
    }

    fn value(&mut self) -> Option<Value> {
        if let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')) {
            let length = self.rest()[1..].find(quote)?;
            let text = self.rest()[1..=length].to_string();
            self.at += length + 2;
            return Some(Value::String(text));
        }
        let word = |c: char| is_name(c) || matches!(c, '+' | '-' | '/' | ':' | '@');
        let length = self.rest().find(|c| !word(c)).unwrap_or(self.rest().len());
        let text = self.rest()[..length].to_string();
        self.at += length;
        match text.as_str() {
            "" => None,
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => Some(
                text.parse::<f64>()
                    .ok()
                    .and_then(|number| serde_json::Number::from_f64(number).map(Value::Number))
                    .unwrap_or(Value::String(text)),
            ),
        }
    }
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(filter: &str) -> bool {
        let run = |name: &str| match name {
            "f1" => Some(json!(0.9)),
            "data.batch_size" => Some(json!(16)),
            "checkpoint" => Some(json!("bert-base-uncased")),
            "collapsed" => Some(json!(false)),
            _ => None,
        };
        Filter::parse(filter).unwrap().holds(&run)
    }

    #[test]
    fn conditions_hold_as_they_read() {
        for filter in [
            "f1 > 0.85 and data.batch_size == 16",
            "f1>=0.9",
            "f1 < 9e-1 or data.batch_size <= 16.0",
            "not f1 < 0.9",
            "checkpoint == bert-base-uncased",
            "checkpoint == \"bert-base-uncased\" and collapsed == false",
            "f1 < 0.5 or f1 > 0.8 and data.batch_size != 8",
            "not (f1 < 0.5 or data.batch_size == 8)",
            "absent != 3",
        ] {
            assert!(holds(filter), "{filter}");
        }
        for filter in [
            "f1 > 0.9",
            "data.batch_size == 8",
            "absent == 3",
            "absent < 3",
            "checkpoint > 3",
            "(f1 > 0.8 or f1 < 2) and data.batch_size < 16",
        ] {
            assert!(!holds(filter), "{filter}");
        }
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        insta::assert_snapshot!(
            ["", "f1", "f1 >", "f1 = 3", "f1 > 0.8 f2", "(f1 > 0.8", "f1 > 'x", "and f1 > 2", "é == ü and"]
                .map(|filter| Filter::parse(filter).unwrap_err())
                .join("\n")
        );
        assert!(Filter::parse(&"(".repeat(100_000)).is_err());
        assert!(Filter::parse(&"not ".repeat(100_000)).is_err());
    }
}
