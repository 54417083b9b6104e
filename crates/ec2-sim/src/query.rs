//! The request side of the EC2 Query protocol: a form whose dotted keys spell out lists and
//! structures, `Filter.1.Value.2=running`.

use std::collections::BTreeMap;

use crate::error::Error;

/// A decoded form, in the order of its keys. A key that occurs twice keeps its last value.
pub(crate) fn decode(form: &[u8]) -> BTreeMap<String, String> {
    form_urlencoded::parse(form).map(|(key, value)| (key.into_owned(), value.into_owned())).collect()
}

/// The parameters of one call, or of one structure within it.
///
/// Whatever an action knows, it takes out; [`Params::finish`] objects to the rest, as EC2 does.
#[derive(Debug)]
pub(crate) struct Params {
    /// How the enclosing structure is called: `Filter.1.`, or nothing.
    path: String,
    fields: BTreeMap<String, Node>,
}

#[derive(Debug, Default)]
struct Node {
    value: Option<String>,
    fields: BTreeMap<String, Node>,
}

/// No parameter of EC2 is nested deeper. A longer key stays whole, and is unknown to every action.
const DEEPEST: usize = 8;

impl Params {
    pub(crate) fn new(form: &BTreeMap<String, String>) -> Self {
        let mut root = Node::default();
        for (key, value) in form {
            let node = if key.split('.').count() > DEEPEST {
                root.fields.entry(key.clone()).or_default()
            } else {
                key.split('.').fold(&mut root, |node, name| node.fields.entry(name.to_owned()).or_default())
            };
            node.value = Some(value.clone());
        }
        Self { path: String::new(), fields: root.fields }
    }

    /// A value, unless it is absent or empty: EC2 makes no difference between the two.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        self.given(name).filter(|text| !text.is_empty())
    }

    /// A value, even an empty one.
    pub(crate) fn given(&mut self, name: &str) -> Option<String> {
        let node = self.fields.get_mut(name)?;
        let value = node.value.take();
        if node.fields.is_empty() {
            self.fields.remove(name);
        }
        value
    }

    pub(crate) fn required(&mut self, name: &str) -> Result<String, Error> {
        self.text(name).ok_or_else(|| Error::missing_parameter(self.named(name)))
    }

    pub(crate) fn boolean(&mut self, name: &str) -> Result<Option<bool>, Error> {
        match self.text(name) {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(text) => Err(Error::invalid_parameter_value(format!(
                "Value ({text}) for parameter {} is invalid. Expecting a boolean.",
                self.named(name)
            ))),
        }
    }

    pub(crate) fn number(&mut self, name: &str) -> Result<Option<u32>, Error> {
        self.text(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    Error::invalid_parameter_value(format!(
                        "Value ({text}) for parameter {} is invalid. Expecting a number.",
                        self.named(name)
                    ))
                })
            })
            .transpose()
    }

    /// The values of a flattened list, `Name.1=…&Name.2=…`, in the order of their numbers.
    pub(crate) fn list(&mut self, name: &str) -> Vec<String> {
        let numbered = self.numbered(name, |node| match node {
            Node { value: Some(value), fields } if fields.is_empty() => Ok(value),
            other => Err(other),
        });
        numbered.into_iter().map(|(_, value)| value).collect()
    }

    /// The structures of a flattened list, `Name.1.Field=…`, in the order of their numbers.
    pub(crate) fn structures(&mut self, name: &str) -> Vec<Params> {
        let numbered = self.numbered(name, |node| match node {
            Node { value: None, fields } => Ok(fields),
            other => Err(other),
        });
        numbered.into_iter().map(|(number, fields)| Params { path: format!("{}{name}.{number}.", self.path), fields }).collect()
    }

    /// The structure `Name.Field=…`; empty where it was not given.
    pub(crate) fn structure(&mut self, name: &str) -> Params {
        let fields = self.fields.get_mut(name).map(|node| std::mem::take(&mut node.fields));
        if self.fields.get(name).is_some_and(|node| node.value.is_none()) {
            self.fields.remove(name);
        }
        Params { path: format!("{}{name}.", self.path), fields: fields.unwrap_or_default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Parameters that EC2 knows and that change nothing here.
    pub(crate) fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.fields.remove(*name);
        }
    }

    /// The full name of a parameter in here, for messages.
    pub(crate) fn named(&self, name: &str) -> String {
        format!("{}{name}", self.path)
    }

    /// Refuses what nobody took.
    pub(crate) fn finish(self) -> Result<(), Error> {
        match self.fields.first_key_value() {
            None => Ok(()),
            Some((name, _)) => Err(Error::unknown_parameter(self.named(name))),
        }
    }

    /// Takes the members of a list that are numbered and of the wanted shape; others stay.
    fn numbered<T>(&mut self, name: &str, take: impl Fn(Node) -> Result<T, Node>) -> Vec<(u32, T)> {
        let Some(list) = self.fields.get_mut(name) else {
            return Vec::new();
        };
        let mut members = Vec::new();
        let mut others = BTreeMap::new();
        for (key, node) in std::mem::take(&mut list.fields) {
            let taken = match key.parse::<u32>() {
                Ok(number) => take(node).map(|member| (number, member)),
                Err(_) => Err(node),
            };
            match taken {
                Ok(member) => members.push(member),
                Err(node) => {
                    others.insert(key, node);
                }
            }
        }
        list.fields = others;
        if list.fields.is_empty() && list.value.is_none() {
            self.fields.remove(name);
        }
        members.sort_by_key(|(number, _)| *number);
        members
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;

    fn params(form: &str) -> Params {
        Params::new(&decode(form.as_bytes()))
    }

    #[test]
    fn reads_scalars_lists_and_structures() {
        let mut params = params("Name=a+b%26c&Id.2=y&Id.1=x&Id.10=z&Filter.1.Name=state&Filter.1.Value.1=on&Filter.1.Value.2=off");
        assert_eq!(params.text("Name").as_deref(), Some("a b&c"));
        // By number, not by spelling.
        assert_eq!(params.list("Id"), ["x", "y", "z"]);
        let mut filters = params.structures("Filter");
        assert_eq!(filters[0].required("Name").unwrap(), "state");
        assert_eq!(filters[0].list("Value"), ["on", "off"]);
        params.finish().unwrap();
    }

    #[test]
    fn refuses_what_nobody_took() {
        let refused = |form, take: fn(&mut Params)| {
            let mut params = params(form);
            take(&mut params);
            params.finish().unwrap_err().to_string()
        };
        assert_snapshot!(refused("Nmae=a", |params| drop(params.text("Name"))), @"UnknownParameter: The parameter Nmae is not recognized");
        // A list where a scalar was expected, and the other way round.
        assert_snapshot!(
            refused("Name.1=a", |params| drop(params.text("Name"))),
            @"UnknownParameter: The parameter Name is not recognized"
        );
        assert_snapshot!(refused("Id=a", |params| drop(params.list("Id"))), @"UnknownParameter: The parameter Id is not recognized");
        assert_snapshot!(refused("Id.first=a", |params| drop(params.list("Id"))), @"UnknownParameter: The parameter Id is not recognized");
        assert_snapshot!(
            refused("a.b.c.d.e.f.g.h.i.j=1", |params| drop(params.text("a"))),
            @"UnknownParameter: The parameter a.b.c.d.e.f.g.h.i.j is not recognized"
        );
        let mut outer = params("Filter.3.Nmae=a");
        let filter = outer.structures("Filter").remove(0);
        assert_snapshot!(filter.finish().unwrap_err().to_string(), @"UnknownParameter: The parameter Filter.3.Nmae is not recognized");
    }

    #[test]
    fn an_empty_value_is_no_value_except_where_it_is() {
        let mut params = params("Name=&NoDevice=");
        assert_eq!(params.text("Name"), None);
        assert_eq!(params.given("NoDevice").as_deref(), Some(""));
        assert_eq!(params.given("Name"), None);
    }

    proptest! {
        #[test]
        fn any_text_survives_the_form(key in "[A-Za-z]{1,8}", value in any::<String>()) {
            let form = form_urlencoded::Serializer::new(String::new()).append_pair(&key, &value).finish();
            prop_assert_eq!(params(&form).given(&key), Some(value));
        }

        #[test]
        fn a_list_keeps_its_order(values in prop::collection::vec(any::<String>(), 0..30)) {
            let mut form = form_urlencoded::Serializer::new(String::new());
            for (number, value) in values.iter().enumerate().rev() {
                form.append_pair(&format!("Value.{}", number + 1), value);
            }
            prop_assert_eq!(params(&form.finish()).list("Value"), values);
        }
    }
}
