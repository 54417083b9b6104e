//! `MaxResults` and `NextToken`. A token is opaque to clients; in it are the place of the last item
//! handed out, a mark of the request it belongs to, and when it was issued.
//!
//! Places come from [`crate::id::order`], so items that come and go between two pages make a listing
//! neither skip nor repeat any other.

use std::borrow::{Borrow, Cow};
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::clock::later;
use crate::error::Error;
use crate::filter::{Filters, Subject, Tagged};
use crate::id::{hash, order};
use crate::query::Params;
use crate::scope::Scope;
use crate::world::Held;

/// So many times as many items as a page takes are looked at one by one, in their places, before all are looked at in a row.
const LOOKS: usize = 4;

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
    /// How many items a page has if the request does not say; `None` for all of them.
    usual: Option<u32>,
}

impl Paging {
    pub(crate) fn take(params: &mut Params) -> Self {
        Self { max_results: params.text("MaxResults"), next_token: params.text("NextToken"), usual: None }
    }

    /// Of an action that answers in pages of this size even if it was not asked to.
    pub(crate) fn usually(self, size: u32) -> Self {
        Self { usual: Some(size), ..self }
    }

    /// Of an action that has another name for the size of its pages.
    pub(crate) fn of_size(params: &mut Params, size: u32) -> Self {
        Self { max_results: None, next_token: params.text("NextToken"), usual: Some(size) }
    }

    /// The page meant. `with_ids`: whether the request also lists ids.
    pub(crate) fn page(&self, rule: Rule, with_ids: bool, scope: &Scope) -> Result<Page, Error> {
        if let (Some(ids), Some(_), true) = (rule.ids, &self.max_results, with_ids) {
            return Err(Error::invalid_parameter_combination(format!("The parameter {ids} cannot be used with the parameter maxResults")));
        }
        let size = self.max_results.as_deref().map(|text| rule.size(text)).transpose()?;
        let request = mark(scope.form);
        let now = scope.now();
        let manners = &scope.world.manners;
        let issued_after = manners.token_life.map(|life| later(now, -life));
        let after = self.next_token.as_deref().map(|token| read(token, request, issued_after)).transpose()?;
        // A listing once begun in pages goes on in pages.
        let size = size.or(self.usual).or(after.map(|_| rule.most)).and_then(|size| usize::try_from(size).ok());
        let largest = manners.largest_page.filter(|_| rule.ids.is_none() || !with_ids);
        Ok(Page {
            seed: scope.world.ids.seed,
            request,
            size: size.into_iter().chain(largest).min(),
            after,
            filtered_late: manners.short_pages,
            by_position: manners.pages_by_position,
            now,
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
    /// Whether places are positions in the list as it is now.
    by_position: bool,
    now: Timestamp,
}

impl Page {
    /// The same, but where the request does not say how many items, there are no more than that.
    pub(crate) fn of_at_most(mut self, size: usize) -> Self {
        self.size.get_or_insert(size);
        self
    }

    /// The ids that a listing can be about, where those are few: those that were asked for, or those that filters name, unless
    /// filters apply too late for that.
    pub(crate) fn named<'a, T>(
        &self,
        asked: &'a BTreeSet<impl AsRef<str>>,
        filters: &'a Filters<T>,
        name: &str,
    ) -> Option<BTreeSet<&'a str>>
    where
        T: Tagged,
    {
        if !asked.is_empty() {
            return Some(asked.iter().map(AsRef::as_ref).collect());
        }
        if self.filtered_late { None } else { filters.texts(name) }
    }

    /// As [`Page::cut`], where there may be a hundred thousand items of which the page takes a thousand: few others are looked at.
    /// `named`: the only ids there can be. `seen`: the item as the caller sees it, if at all, with no tag or name that it has not.
    pub(crate) fn cut_held<'h, I, T>(
        &self,
        held: &[&'h Held<I, T>],
        named: Option<BTreeSet<&str>>,
        others: impl Iterator<Item = &'h T>,
        seen: impl Fn(&'h T) -> Option<Cow<'h, T>>,
        id: fn(&T) -> &str,
        filters: &Filters<T>,
    ) -> (Vec<Cow<'h, T>>, Option<String>)
    where
        I: Ord + Clone + AsRef<str> + Borrow<str>,
        T: Tagged + Clone,
    {
        let seen = |item| seen(item).filter(|item| self.filtered_late || filters.matches(item));
        let mut items = Vec::new();
        for held in held {
            let having = |(subject, values): (&Subject<T>, _)| held.having(&values, &subject.name(), |item| subject.values(item));
            let few = || filters.exact().filter(|_| !self.filtered_late).find_map(having);
            if let Some(named) = &named {
                items.extend(named.iter().filter_map(|id| held.get(*id)).filter_map(&seen));
            } else if let Some(few) = few() {
                items.extend(few.into_iter().filter_map(&seen));
            } else if let Some(first) = self.first(held, seen) {
                items.extend(first);
            } else {
                items.extend(held.values().filter_map(&seen));
            }
        }
        self.cut(items.into_iter().chain(others.filter_map(&seen)), |item| Cow::Borrowed(id(item)), |item| filters.matches(item))
    }

    /// The first items of those to come, as many as the page takes and one more, or all. `None` where that is not to be known
    /// without a look at everything, or not much sooner.
    fn first<'h, I, T, S>(&self, held: &'h Held<I, T>, seen: impl Fn(&'h T) -> Option<S>) -> Option<Vec<S>>
    where
        I: Ord + Clone + AsRef<str>,
    {
        let enough = self.size.filter(|_| !self.by_position)?.saturating_add(1);
        let (left, items) = held.beyond(self.after, self.seed);
        let looks = enough.saturating_mul(LOOKS);
        let first: Vec<S> = items.take(looks).filter_map(seen).take(enough).collect();
        (first.len() == enough || left <= looks).then_some(first)
    }

    /// Those items of this page that match, and the token of the next page where there is one.
    pub(crate) fn cut<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        id: impl Fn(&T) -> Cow<'_, str>,
        matches: impl Fn(&T) -> bool,
    ) -> (Vec<T>, Option<String>) {
        let items = items.into_iter().filter(|item| self.filtered_late || matches(item));
        let placed = items.map(|item| (order(self.seed, &id(&item)), item));
        let is_to_come = |(place, _): &(u64, T)| self.after.is_none_or(|after| *place > after);
        let mut items: Vec<(u64, T)>;
        if self.by_position {
            items = placed.collect();
            items.sort_by_key(|(place, _)| *place);
            items = (0..).zip(items).map(|(position, (_, item))| (position, item)).filter(is_to_come).collect();
        } else {
            items = placed.filter(is_to_come).collect();
        }
        let is_cut = self.size.filter(|size| items.len() > *size);
        if let Some(size) = is_cut {
            // What is on the page goes before what is not, which need not be sorted.
            items.select_nth_unstable_by_key(size, |(place, _)| *place);
            items.truncate(size);
        }
        items.sort_by_key(|(place, _)| *place);
        let next = is_cut.and(items.last()).map(|(place, _)| write(*place, self.request, self.now));
        let items = items.into_iter().map(|(_, item)| item);
        (items.filter(matches).collect(), next)
    }
}

/// What stays the same from page to page.
fn mark(form: &BTreeMap<String, String>) -> u64 {
    form.iter()
        .filter(|(key, _)| !matches!(key.as_str(), "NextToken" | "MaxResults" | "MaxRecords"))
        .fold(0, |mark, (key, value)| hash(&format!("{mark:x}\n{key}\n{value}")))
}

fn write(place: u64, request: u64, issued: Timestamp) -> String {
    // Whatever the form of a number, its bits are what they are.
    let issued = issued.as_millisecond().cast_unsigned();
    format!("{:016x}{issued:016x}{:016x}", place ^ request, seal(place, request, issued))
}

/// The place in a token, unless it is forged, for another request, or too old.
fn read(token: &str, request: u64, issued_after: Option<Timestamp>) -> Result<u64, Error> {
    let invalid = || Error::new("InvalidNextToken", "The specified nextToken is invalid.");
    if token.len() != 48 || !token.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(invalid());
    }
    let part = |digits| u64::from_str_radix(digits, 16).map_err(|_| invalid());
    let (place, issued) = (part(&token[..16])? ^ request, part(&token[16..32])?);
    let expired = issued_after.is_some_and(|after| issued.cast_signed() < after.as_millisecond());
    if part(&token[32..])? == seal(place, request, issued) && !expired { Ok(place) } else { Err(invalid()) }
}

fn seal(place: u64, request: u64, issued: u64) -> u64 {
    hash(&format!("{place:x} of {request:x} at {issued:x}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jiff::SignedDuration;
    use proptest::prelude::*;

    use crate::testing::{Client, DB, noon};
    use crate::world::{Manners, World};

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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn however_they_are_found_the_pages_are_cut_from_all_that_matches(
            images in 0_usize..80,
            size in 1_u32..6,
            filter in 0_usize..8,
            short in any::<bool>(),
            by_position in any::<bool>(),
        ) {
            let (ec2, _) = with_images(images, |manners| (manners.short_pages, manners.pages_by_position) = (short, by_position));
            for image in ec2.sim.world().region_mut("us-east-1").images.values_mut() {
                let number: usize = image.name.trim_start_matches("image ").parse().unwrap();
                image.tags.extend([("tens", number % 10), ("twos", number % 2)].map(|(key, rest)| (key.to_owned(), rest.to_string())));
            }
            // In the order of their places.
            let all = ec2.ok("DescribeImages", &[("Owner.1", "self")]);
            let all: Vec<(String, String)> = all.texts("imageId").into_iter().zip(all.texts("name")).collect();
            let some = all.first().map_or_else(|| "ami-00000000".to_owned(), |(id, _)| id.clone());
            let (name, value, ends): (&str, &str, &[&str]) = [
                ("tag:tens", "7", &["7"][..]),
                ("tag:tens", "7*", &["7"]),
                ("tag:twos", "0", &["0", "2", "4", "6", "8"]),
                ("tag:twos", "*", &[""]),
                ("name", "image 3", &["image 3"]),
                ("name", "*3", &["3"]),
                ("tag:none", "7", &[]),
                ("image-id", &some[..], &[""]),
            ][filter];
            let matching = all.iter().filter(|(id, text)| (name != "image-id" || *id == some) && ends.iter().any(|end| text.ends_with(end)));
            let matching: Vec<&String> = matching.map(|(id, _)| id).collect();
            let (size, mut listed, mut token) = (size.to_string(), Vec::new(), String::new());
            loop {
                let listing = [("Owner.1", "self"), ("Filter.1.Name", name), ("Filter.1.Value.1", value), ("MaxResults", &size), ("NextToken", &token)];
                let page = ec2.ok("DescribeImages", &listing);
                listed.extend(page.texts("imageId"));
                let Some(next) = page.texts("nextToken").pop() else { break };
                prop_assert!(short || page.texts("imageId").len().to_string() == size);
                token = next;
            }
            prop_assert_eq!(listed.iter().collect::<Vec<_>>(), matching);
        }
    }

    #[test]
    fn a_page_may_be_empty_and_have_a_successor() {
        let (pages, whole) = page_through(30, 5, true, &[("Filter.1.Name", "name"), ("Filter.1.Value.1", "image 7")]);
        assert_eq!((pages.len(), whole.len()), (6, 1));
        assert!(pages[..5].iter().any(Vec::is_empty));
    }

    /// A world with images called `0`, `1`, …, and the ids in the order of a listing.
    fn with_images(count: usize, manners: impl FnOnce(&mut Manners)) -> (Client, Vec<String>) {
        let mut world = World::new(7, noon());
        manners(&mut world.manners);
        let ec2 = Client::of(world);
        for number in 0..count {
            let name = format!("image {number}");
            ec2.ok("CopyImage", &[("SourceRegion", "us-east-1"), ("SourceImageId", "ami-12345678"), ("Name", &name)]);
        }
        let ids = ec2.ok("DescribeImages", &[("Owner.1", "self")]).texts("imageId");
        (ec2, ids)
    }

    #[test]
    fn no_page_is_larger_than_the_largest() {
        let (ec2, ids) = with_images(5, |manners| manners.largest_page = Some(2));
        assert_eq!(ids.len(), 2);
        for listing in [&[("Owner.1", "self")][..], &[("Owner.1", "self"), ("MaxResults", "1000")]] {
            let mut listed = BTreeSet::new();
            let mut token = String::new();
            loop {
                let page = ec2.ok("DescribeImages", &[listing, &[("NextToken", &token[..])]].concat());
                assert!(page.texts("imageId").len() <= 2);
                listed.extend(page.texts("imageId"));
                match page.texts("nextToken").pop() {
                    Some(next) => token = next,
                    None => break,
                }
            }
            assert_eq!(listed.len(), 5);
        }
        let named: Vec<String> = (1..=5).map(|number| format!("ImageId.{number}")).collect();
        let all: Vec<String> = ec2.sim.world().region("us-east-1").images.keys().map(ToString::to_string).collect();
        let by_id: Vec<(&str, &str)> = named.iter().map(String::as_str).zip(all.iter().map(String::as_str)).collect();
        assert_eq!(ec2.ok("DescribeImages", &by_id).texts("imageId").len(), 5);
    }

    #[test]
    fn tokens_expire_if_asked_to() {
        let (ec2, _) = with_images(3, |manners| manners.token_life = Some(SignedDuration::from_mins(1)));
        let listing = [("Owner.1", "self"), ("MaxResults", "1")];
        let token = ec2.ok("DescribeImages", &listing).text("nextToken");
        let second = [&listing[..], &[("NextToken", &token[..])]].concat();
        ec2.wait(50);
        let next = ec2.ok("DescribeImages", &second).text("nextToken");
        ec2.wait(20);
        assert_eq!(ec2.error("DescribeImages", &second), "InvalidNextToken: The specified nextToken is invalid.");
        // The next page's is younger.
        ec2.ok("DescribeImages", &[&listing[..], &[("NextToken", &next[..])]].concat());
    }

    #[test]
    fn what_goes_between_two_pages_may_make_a_listing_skip() {
        for (by_position, skipped) in [(false, 0), (true, 1)] {
            let (ec2, ids) = with_images(6, |manners| manners.pages_by_position = by_position);
            let listing = [("Owner.1", "self"), ("MaxResults", "2")];
            let first = ec2.ok("DescribeImages", &listing);
            ec2.ok("DeregisterImage", &[("ImageId", &ids[0])]);
            let (mut listed, mut token) = (first.texts("imageId"), first.text("nextToken"));
            loop {
                let page = ec2.ok("DescribeImages", &[&listing[..], &[("NextToken", &token[..])]].concat());
                listed.extend(page.texts("imageId"));
                match page.texts("nextToken").pop() {
                    Some(next) => token = next,
                    None => break,
                }
            }
            assert_eq!(listed.len(), 6 - skipped, "{listed:?} of {ids:?}");
        }
    }

    #[test]
    fn a_listing_has_no_order_that_means_anything() {
        let (ec2, ids) = with_images(20, |_| {});
        let listing = || ec2.ok("DescribeImages", &[("Owner.1", "self")]);
        let numbers: Vec<String> = listing().texts("name");
        assert!(!ids.is_sorted() && !numbers.is_sorted());
        assert_eq!(listing().texts("imageId"), ids);
        ec2.sim.world().manners.shuffled = true;
        let orders: BTreeSet<Vec<String>> = (0..5)
            .map(|_| {
                ec2.wait(1);
                listing().texts("imageId")
            })
            .collect();
        assert_eq!(orders.len(), 5);
        for order in orders {
            assert_eq!(order.iter().collect::<BTreeSet<_>>(), ids.iter().collect());
        }
    }

    #[test]
    fn lists_within_an_answer_have_no_order_either() {
        let mut world = World::example(1, noon());
        world.manners.shuffled = true;
        let ec2 = Client::of(world);
        let devices = || ec2.ok("DescribeInstances", &[("InstanceId.1", DB)]).texts("deviceName");
        let orders: BTreeSet<Vec<String>> = (0..20)
            .map(|_| {
                ec2.wait(1);
                devices()
            })
            .collect();
        assert!(orders.len() > 1 && orders.iter().all(|order| order.len() == 3), "{orders:?}");
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
