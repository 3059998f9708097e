//! Tries every small table there is: nothing hidden can be worked out.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

fn tree(parents: &[usize]) -> Tree {
    Tree {
        parents: parents.to_vec(),
        active: vec![true; parents.len()],
    }
}

/// Every way to put one of `choices` into each of `cells`.
fn tables<T: Copy>(cells: usize, choices: &[T]) -> Vec<Vec<T>> {
    (0..cells).fold(vec![Vec::new()], |tables, _| {
        let longer = |table: Vec<T>| {
            choices.iter().map(move |choice| {
                let mut table = table.clone();
                table.push(*choice);
                table
            })
        };
        tables.into_iter().flat_map(longer).collect()
    })
}

/// Refuses a hidden number that is the same in every table that could be the true one. That it is none may be known:
/// none is nobody.
fn stays_hidden(shown: Shown, values: impl Iterator<Item = u64>) -> bool {
    let values: BTreeSet<u64> = values.collect();
    shown.exact().is_some() || values.len() > 1 || values.contains(&0)
}

/// Issued codes alone. Whoever knows these rules themselves, and sees all that is shown, cannot work out a hidden
/// number: some other table looks the same.
#[test]
fn no_hidden_number_can_be_worked_out_by_whoever_knows_the_rules() {
    for floor in [3, 4, 5] {
        // A reader with three units; one with a province of its own and of two; one below the other; a chain.
        for parents in [
            &[0, 0, 0, 0][..],
            &[0, 0, 0, 1, 1],
            &[0, 0, 1, 1],
            &[0, 0, 1, 2],
        ] {
            let tree = tree(parents);
            let units = parents.len();
            let most = if units > 4 { floor } else { floor + 2 };
            let choices: Vec<Count> = (0..=most)
                .map(|issued| Count {
                    issued,
                    redeemed: 0,
                })
                .collect();
            for own in [0, 1, floor] {
                let mut looks: BTreeMap<String, Vec<Vec<Count>>> = BTreeMap::new();
                for below in tables(units - 1, &choices) {
                    let own = Count {
                        issued: own,
                        redeemed: 0,
                    };
                    let table = [&[own], &*below].concat();
                    let protected = protect(&tree, &table, floor);
                    let issued = |shown: &[ShownCount]| -> Vec<Shown> {
                        shown.iter().map(|count| count.issued).collect()
                    };
                    let look = (issued(&protected.own), issued(&protected.total));
                    looks.entry(format!("{look:?}")).or_default().push(table);
                }
                for tables in looks.values() {
                    let protected = protect(&tree, &tables[0], floor);
                    for unit in 1..units {
                        let shown = protected.own[unit].issued;
                        assert_eq!(shown.exact().is_none(), tables[0][unit].issued < floor);
                        let values = tables.iter().map(|table| table[unit].issued);
                        assert!(stays_hidden(shown, values), "floor {floor}: {protected:?}");
                    }
                }
            }
        }
    }
}

/// Whether a table could be the one that is shown.
fn fits(tree: &Tree, protected: &Protected, table: &[Count], floor: u64) -> bool {
    let mut totals = table.to_vec();
    let issued = |shown, number| match shown {
        Shown::Exact(exact) => number == exact,
        Shown::Below(floor) => number < floor,
        Shown::Withheld => number >= floor,
    };
    let redeemed = |shown, number| match shown {
        Shown::Exact(exact) => number == exact,
        Shown::Below(floor) => number < floor,
        Shown::Withheld => true,
    };
    for index in (0..table.len()).rev() {
        let fits = |shown: ShownCount, count: Count| {
            issued(shown.issued, count.issued) && redeemed(shown.redeemed, count.redeemed)
        };
        if !fits(protected.own[index], table[index]) || !fits(protected.total[index], totals[index])
        {
            return false;
        }
        if index > 0 {
            let Count { issued, redeemed } = totals[index];
            let parent = &mut totals[tree.parents[index]];
            parent.issued += issued;
            parent.redeemed += redeemed;
        }
    }
    true
}

/// Both columns, of which the second is never more than the first: every table against every other that fits what is
/// shown, and (but for a chain of units with one unit below each) against those that these rules show alike.
#[test]
fn columns_together_give_nothing_away_either() {
    let floor = 3;
    for (parents, most, whoever_knows_the_rules) in [
        (&[0, 0, 0][..], 7, true),
        (&[0, 0, 0, 0], 4, true),
        (&[0, 0, 1, 1], 4, true),
        (&[0, 0, 1, 2], 4, false),
    ] {
        let tree = tree(parents);
        let choices: Vec<Count> = (0..=most)
            .flat_map(|issued| (0..=issued).map(move |redeemed| Count { issued, redeemed }))
            .collect();
        let all: Vec<Vec<Count>> = tables(parents.len() - 1, &choices)
            .into_iter()
            .map(|below| [&[Count::default()], &*below].concat())
            .collect();
        let mut looks: BTreeMap<String, (Protected, Vec<usize>)> = BTreeMap::new();
        let mut shown = 0;
        for (index, table) in all.iter().enumerate() {
            let protected = protect(&tree, table, floor);
            shown += usize::from(protected.total[0].redeemed.exact().is_some());
            let look = format!("{protected:?}");
            let same = looks.entry(look).or_insert((protected, Vec::new()));
            same.1.push(index);
        }
        println!(
            "{} tables, {} looks, {shown} totals shown",
            all.len(),
            looks.len()
        );
        for (protected, same) in looks.values() {
            let index = &same[0];
            if whoever_knows_the_rules {
                for unit in 1..parents.len() {
                    let own = protected.own[unit];
                    let issued = same.iter().map(|index| all[*index][unit].issued);
                    let redeemed = same.iter().map(|index| all[*index][unit].redeemed);
                    let good =
                        stays_hidden(own.issued, issued) && stays_hidden(own.redeemed, redeemed);
                    assert!(good, "{:?}: {protected:?}", all[*index]);
                }
            }
            let alike: Vec<&Vec<Count>> = all
                .iter()
                .filter(|table| fits(&tree, protected, table, floor))
                .collect();
            assert!(alike.contains(&&all[*index]), "the truth fits");
            for unit in 1..parents.len() {
                let own = protected.own[unit];
                let issued = alike.iter().map(|table| table[unit].issued);
                let redeemed = alike.iter().map(|table| table[unit].redeemed);
                let good = stays_hidden(own.issued, issued) && stays_hidden(own.redeemed, redeemed);
                assert!(good, "{:?}: {protected:?}", all[*index]);
            }
        }
    }
}

#[test]
fn totals_of_many_small_units_are_shown() {
    // A country of 63 provinces with 10 to 12 districts each; a third of the districts has a code or two.
    let mut parents = vec![0];
    for province in 0..63 {
        parents.push(0);
        let index = parents.len() - 1;
        parents.extend(std::iter::repeat_n(index, 10 + province % 3));
    }
    let tree = tree(&parents);
    let counts: Vec<Count> = (0..parents.len())
        .map(|index| {
            let issued = index as u64 * 7919 % 23;
            Count {
                issued: if issued < 16 { issued / 5 } else { issued },
                redeemed: issued * 2 / 15,
            }
        })
        .collect();
    let start = std::time::Instant::now();
    let protected = protect(&tree, &counts, 5);
    println!("protecting {} units: {:?}", parents.len(), start.elapsed());
    let issued = counts.iter().map(|count| count.issued).sum();
    let redeemed = counts.iter().map(|count| count.redeemed).sum();
    assert_eq!(protected.total[0].issued, Shown::Exact(issued));
    assert_eq!(protected.total[0].redeemed, Shown::Exact(redeemed));
    let small = counts.iter().position(|count| count.issued == 2).unwrap();
    assert_eq!(protected.own[small].issued, Shown::Below(5));
}

#[test]
fn floor_0_shows_everything_and_units_without_anybody_hide_nothing() {
    let mut tree = tree(&[0, 0, 0]);
    let count = |issued, redeemed| Count { issued, redeemed };
    let protected = protect(&tree, &[count(1, 1), count(2, 1), count(0, 0)], 0);
    assert_eq!(protected.total[0].issued, Shown::Exact(3));
    assert_eq!(protected.total[0].redeemed, Shown::Exact(2));
    // With the other unit empty by nature, the total would be the one's number plus the reader's.
    tree.active[2] = false;
    let protected = protect(&tree, &[count(9, 0), count(2, 0), count(0, 0)], 5);
    assert_eq!(protected.total[0].issued, Shown::Withheld);
    assert_eq!(protected.own[0].issued, Shown::Exact(9));
    assert_eq!(protected.total[2].issued, Shown::Exact(0));
}
