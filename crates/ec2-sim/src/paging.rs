//! `MaxResults` and `NextToken`. A token is opaque to clients; in it are the place of the last item
//! handed out and a mark of the request it belongs to.
//!
//! Places come from [`crate::id::order`], so items that come and go between two pages make a listing
//! neither skip nor repeat any other.

use std::collections::BTreeMap;

use crate::error::Error;
use crate::id::{hash, order};
use crate::query::Params;
use crate::scope::Scope;

/// How one action pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    /// Fewer than this are refused.
    pub(crate) least: u32,
    /// More than this are treated as this.
    pub(crate) most: u32,
    /// What EC2's message calls the list of ids, which excludes `MaxResults`; `None` if it does not.
    pub(crate) ids: Option<&'static str>,
}

/// What a request says about paging, not yet looked at: EC2 looks after the dry run.
#[derive(Debug)]
pub(crate) struct Paging {
    max_results: Option<String>,
    next_token: Option<String>,
}

impl Paging {
    pub(crate) fn take(params: &mut Params) -> Self {
        Self { max_results: params.text("MaxResults"), next_token: params.text("NextToken") }
    }

    /// The page meant. `with_ids`: whether the request also lists ids.
    pub(crate) fn page(&self, rule: Rule, with_ids: bool, scope: &Scope) -> Result<Page, Error> {
        if let (Some(ids), Some(_), true) = (rule.ids, &self.max_results, with_ids) {
            return Err(Error::invalid_parameter_combination(format!("The parameter {ids} cannot be used with the parameter maxResults")));
        }
        let size = self.max_results.as_deref().map(|text| rule.size(text)).transpose()?;
        let request = mark(scope.form);
        let after = self.next_token.as_deref().map(|token| read(token, request)).transpose()?;
        // A listing once begun in pages goes on in pages.
        let size = size.or(after.map(|_| rule.most));
        Ok(Page {
            seed: scope.world.ids.seed,
            request,
            size: size.and_then(|size| usize::try_from(size).ok()),
            after,
            filtered_late: scope.world.manners.short_pages,
        })
    }
}

impl Rule {
    fn size(self, text: &str) -> Result<u32, Error> {
        match text.parse::<u32>() {
            Ok(number) if number >= self.least => Ok(number.min(self.most)),
            _ => Err(Error::invalid_parameter_value(format!(
                "Value ( {text} ) for parameter maxResults is invalid. Expecting a value greater than {}.",
                self.least
            ))),
        }
    }
}

/// A page of a listing.
#[derive(Debug)]
pub(crate) struct Page {
    seed: u64,
    request: u64,
    /// How many items; `None` for all of them.
    size: Option<usize>,
    /// The place of the last item that was handed out.
    after: Option<u64>,
    /// Whether filters apply to what is on the page, and not before it is cut.
    filtered_late: bool,
}

impl Page {
    /// Those items of this page that match, and the token of the next page where there is one.
    pub(crate) fn cut<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        id: impl Fn(&T) -> String,
        matches: impl Fn(&T) -> bool,
    ) -> (Vec<T>, Option<String>) {
        let mut items: Vec<(u64, T)> = items
            .into_iter()
            .filter(|item| self.filtered_late || matches(item))
            .map(|item| (order(self.seed, &id(&item)), item))
            .filter(|(place, _)| self.after.is_none_or(|after| *place > after))
            .collect();
        items.sort_by_key(|(place, _)| *place);
        let mut next = None;
        if let Some(size) = self.size
            && items.len() > size
        {
            items.truncate(size);
            next = items.last().map(|(place, _)| write(*place, self.request));
        }
        let items = items.into_iter().map(|(_, item)| item);
        (items.filter(matches).collect(), next)
    }
}

/// What stays the same from page to page.
fn mark(form: &BTreeMap<String, String>) -> u64 {
    form.iter()
        .filter(|(key, _)| !matches!(key.as_str(), "NextToken" | "MaxResults"))
        .fold(0, |mark, (key, value)| hash(&format!("{mark:x}\n{key}\n{value}")))
}

fn write(place: u64, request: u64) -> String {
    format!("{:016x}{:016x}", place ^ request, seal(place, request))
}

fn read(token: &str, request: u64) -> Result<u64, Error> {
    let invalid = || Error::new("InvalidNextToken", "The specified nextToken is invalid.");
    if token.len() != 32 || !token.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(invalid());
    }
    let half = |digits| u64::from_str_radix(digits, 16).map_err(|_| invalid());
    let place = half(&token[..16])? ^ request;
    if half(&token[16..])? == seal(place, request) { Ok(place) } else { Err(invalid()) }
}

fn seal(place: u64, request: u64) -> u64 {
    hash(&format!("{place:x} of {request:x}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use crate::testing::{Client, noon};
    use crate::world::World;

    /// A world with that many images, some of them tagged, and all of them listed page by page.
    fn page_through(images: usize, size: u32, short_pages: bool, filter: &[(&str, &str)]) -> (Vec<Vec<String>>, BTreeSet<String>) {
        let mut world = World::new(7, noon());
        world.manners.short_pages = short_pages;
        let ec2 = Client::of(world);
        for number in 0..images {
            let name = format!("image {number}");
            ec2.ok("CopyImage", &[("SourceRegion", "us-east-1"), ("SourceImageId", "ami-12345678"), ("Name", &name)]);
        }
        let size = size.to_string();
        let mut token = String::new();
        let mut pages = Vec::new();
        loop {
            let paging = [("MaxResults", &size[..]), ("NextToken", &token)];
            let answer = ec2.ok("DescribeImages", &[&[("Owner.1", "self")], filter, &paging].concat());
            pages.push(answer.texts("imageId"));
            match answer.texts("nextToken").pop() {
                Some(next) => token = next,
                None => break,
            }
        }
        let whole = ec2.ok("DescribeImages", &[&[("Owner.1", "self")], filter].concat()).texts("imageId");
        (pages, whole.into_iter().collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn the_pages_together_are_the_whole(images in 0_usize..40, size in 1_u32..50, short in any::<bool>(), filtered in any::<bool>()) {
            let filter = [("Filter.1.Name", "name"), ("Filter.1.Value.1", "*1")];
            let (pages, whole) = page_through(images, size, short, if filtered { &filter } else { &[] });
            let size = usize::try_from(size).unwrap();
            prop_assert!(pages.iter().all(|page| page.len() <= size));
            let listed: Vec<String> = pages.concat();
            prop_assert_eq!(listed.len(), whole.len());
            prop_assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), whole);
        }
    }

    #[test]
    fn a_page_may_be_empty_and_have_a_successor() {
        let (pages, whole) = page_through(30, 5, true, &[("Filter.1.Name", "name"), ("Filter.1.Value.1", "image 7")]);
        assert_eq!((pages.len(), whole.len()), (6, 1));
        assert!(pages[..5].iter().any(Vec::is_empty));
    }

    #[test]
    fn a_token_is_good_for_its_own_request_only() {
        let ec2 = Client::of(World::new(7, noon()));
        for name in ["one", "two"] {
            ec2.ok("CopyImage", &[("SourceRegion", "us-east-1"), ("SourceImageId", "ami-12345678"), ("Name", name)]);
        }
        let listing = [("Owner.1", "self"), ("MaxResults", "1")];
        let token = ec2.ok("DescribeImages", &listing).text("nextToken");
        let next = ("NextToken", &token[..]);
        ec2.ok("DescribeImages", &[&listing[..], &[next]].concat());
        // Without its owner it would be another listing altogether.
        assert!(ec2.error("DescribeImages", &[("MaxResults", "1"), next]).starts_with("InvalidNextToken"));
        let forged = token.replace(&token[..1], "g");
        assert!(ec2.error("DescribeImages", &[&listing[..], &[("NextToken", &forged)]].concat()).starts_with("InvalidNextToken"));
    }
}
