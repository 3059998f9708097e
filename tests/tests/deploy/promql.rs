//! What an expression of Prometheus' language names: metrics, and labels beside them.
//!
//! No parser of the language: Prometheus itself says whether an expression is one. Names are all that is looked for.

/// A metric and the labels that it is selected by.
#[derive(Debug, PartialEq)]
pub(crate) struct Selector {
    pub(crate) metric: String,
    pub(crate) labels: Vec<String>,
}

/// Every selector of an expression, in its order. Words before "(" are functions and not among them.
pub(crate) fn selectors(expression: &str) -> Vec<Selector> {
    let mut selectors = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find(is_start) {
        let is_variable = rest[..start].ends_with('$');
        let name: String = rest[start..].chars().take_while(|&c| is_part(c)).collect();
        rest = &rest[start + name.len()..];
        if is_variable {
            continue;
        }
        let mut labels = Vec::new();
        if let Some(matchers) = rest.strip_prefix('{') {
            let end = matchers.find('}').expect("a selector ends");
            labels = label_names(&matchers[..end]);
            rest = &matchers[end..];
        } else if rest.trim_start().starts_with('(') || !name.contains('_') {
            continue;
        }
        selectors.push(Selector {
            metric: name,
            labels,
        });
    }
    selectors
}

/// Labels that an expression groups or matches by.
pub(crate) fn groupings(expression: &str) -> Vec<String> {
    let mut found = Vec::new();
    for word in ["by (", "on (", "without (", "ignoring (", "group_left ("] {
        for (at, _) in expression.match_indices(word) {
            let list = &expression[at + word.len()..];
            let list = &list[..list.find(')').expect("a list ends")];
            found.extend(list.split(',').map(|label| label.trim().to_owned()));
        }
    }
    found.retain(|label| !label.is_empty());
    found
}

fn label_names(matchers: &str) -> Vec<String> {
    matchers
        .split(',')
        .filter_map(|matcher| {
            let name = matcher.split(['=', '!']).next()?;
            Some(name.trim().to_owned())
        })
        .filter(|name| !name.is_empty())
        .collect()
}

fn is_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn is_part(c: char) -> bool {
    is_start(c) || c.is_ascii_digit() || c == ':'
}

#[test]
fn an_expression_names_its_metrics_and_labels() {
    let expression = r#"sum by (le, what) (rate(a_b{job="x", what!~"y|z"}[$__rate_interval])) / c_d > scalar(e:f_g{of="h"})"#;
    let selector = |metric: &str, labels: &[&str]| Selector {
        metric: metric.into(),
        labels: labels.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(
        selectors(expression),
        [
            selector("a_b", &["job", "what"]),
            selector("c_d", &[]),
            selector("e:f_g", &["of"]),
        ]
    );
    assert_eq!(groupings(expression), ["le", "what"]);
}
