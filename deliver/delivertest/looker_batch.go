package delivertest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/popsync/popsync/deliver"
)

// batchChecks are those of a Looker that takes batches; of one that does not they say nothing.
func batchChecks() []lookerCheck {
	return []lookerCheck{
		{"a batch arrives", batchArrives},
		{"a batch in doubt", batchInDoubt},
		{"a batch in doubt, another one with its Message-ID", batchAndOthers},
		{"a batch of twins in doubt", batchOfTwins},
		{"no batch before looking is proved", noBatchUnproved},
		{"no batch after a look failed", noBatchAfterFailure},
	}
}

// sendBatch sends messages numbered from first, as one batch.
func (l *looking) sendBatch(again bool, first int, texts ...string) []error {
	l.Helper()
	numbers := make([]int, len(texts))
	for i := range texts {
		numbers[i] = first + i
	}
	return l.batchOf(again, numbers, texts)
}

func (l *looking) batchOf(again bool, numbers []int, texts []string) []error {
	l.Helper()
	b := deliver.BatchSenderOf(l.s)
	all := make([]deliver.Outgoing, len(texts))
	for i, text := range texts {
		all[i] = outgoing(numbers[i], text)
		all[i].Folder, all[i].Again = l.b.Folder, again
	}
	errs := b.SendBatch(context.Background(), all)
	if len(errs) != len(all) {
		l.Fatalf("SendBatch answered for %d of %d messages", len(errs), len(all))
	}
	return errs
}

// batches opens a Sender whose looking is proved; false: it takes no batches.
func (l *looking) batches() bool {
	l.Helper()
	if l.b.LoseLater == nil {
		return false
	}
	l.open(false)
	b := deliver.BatchSenderOf(l.s)
	if b == nil {
		return false
	}
	l.must(0, ordinary(0), false)
	if n := b.Batch(); n < 8 {
		l.Fatalf("a message was taken and can be found, and Batch is %d", n)
	}
	return true
}

// resolve takes messages to their end after a batch that broke, as an outbox does: what is in doubt is looked for with one look, then the
// others go alone.
func (l *looking) resolve(first int, texts []string, errs []error, restart bool) {
	l.Helper()
	var numbers, alone []int
	var doubted []string
	again := map[int]bool{}
	for i, err := range errs {
		var e *deliver.Error
		switch {
		case err == nil:
			continue
		case errors.As(err, &e) && e.Uncertain:
			numbers, doubted, again[i] = append(numbers, first+i), append(doubted, texts[i]), true
		case !errors.Is(err, deliver.ErrUntried) && (e == nil || e.Scope != deliver.WholeTarget):
			l.Fatalf("message %d of a batch whose connection broke: %v", i, err)
		default:
			alone = append(alone, i)
		}
	}
	if restart {
		l.open(true)
	}
	if len(doubted) > 0 {
		before := len(l.b.Arrived(l.TB))
		for j, err := range l.batchOf(true, numbers, doubted) {
			if errors.Is(err, deliver.ErrUntried) && len(doubted) > 1 {
				alone = append(alone, numbers[j]-first)
			} else if err != nil {
				l.Fatalf("looking for message %d: %v", numbers[j], err)
			}
		}
		if n := len(l.b.Arrived(l.TB)); len(doubted) > 1 && n != before {
			l.Errorf("a look for %d messages sent %d", len(doubted), n-before)
		}
	}
	for _, i := range alone {
		l.must(first+i, texts[i], again[i])
	}
}

func batchArrives(l *looking) {
	if !l.batches() {
		return
	}
	texts := []string{ordinary(1), bare(2), ordinary(3), bare(4), ordinary(5), bare(6), ordinary(7),
		ordinary(8) + strings.Repeat(strings.Repeat("y", 70)+"\r\n", 1200)}
	for i, err := range l.sendBatch(false, 1, texts...) {
		if err != nil {
			l.Fatalf("message %d of a batch: %v", i, err)
		}
	}
	all := append([]string{ordinary(0)}, texts...)
	l.there("a batch", all...)
	l.open(true)
	for i, err := range l.sendBatch(true, 1, texts...) {
		if err != nil {
			l.Errorf("message %d, which is there, is looked for: %v", i, err)
		}
	}
	l.there("a batch that is looked for", all...)
	for i, err := range l.sendBatch(true, 9, ordinary(9), ordinary(10)) {
		if !errors.Is(err, deliver.ErrUntried) {
			l.Errorf("message %d, which is not there, is looked for: %v", i, err)
		}
	}
	l.there("what is not there is looked for", all...)
}

func batchInDoubt(l *looking) {
	if !l.batches() {
		return
	}
	all := []string{ordinary(0)}
	for try, at := range []int{0, 2, 5, 3} {
		first := 1 + 6*try
		var texts []string
		for i := range 6 {
			texts = append(texts, ordinary(first+i))
		}
		l.b.LoseLater(at, try%2 == 0)
		errs := l.sendBatch(false, first, texts...)
		for i, err := range errs {
			var e *deliver.Error
			if i < at && err != nil || i == at && (!errors.As(err, &e) || !e.Uncertain) || i > at && err == nil {
				l.Errorf("the answer to message %d of a batch was lost, and that to %d is %v", at, i, err)
			}
		}
		l.resolve(first, texts, errs, try > 1)
		all = append(all, texts...)
		l.there(fmt.Sprintf("a batch that broke at message %d", at), all...)
	}
}

func batchAndOthers(l *looking) {
	if !l.batches() {
		return
	}
	texts := []string{ordinary(1), ordinary(2), ordinary(3), ordinary(4)}
	l.b.LoseLater(1, false)
	errs := l.sendBatch(false, 1, texts...)
	var others []string
	for i := range texts {
		other := strings.Replace(ordinary(i+1), "The text", "Another text", 1)
		third := strings.Replace(ordinary(i+1), "id x", "id y", 1)
		others = append(others, other, third)
		l.b.Foreign(other)
		l.b.Foreign(third)
	}
	l.resolve(1, texts, errs, true)
	l.there("beside others with the same Message-IDs", append(append(others, ordinary(0)), texts...)...)
}

func batchOfTwins(l *looking) {
	if !l.batches() {
		return
	}
	all := []string{ordinary(0)}
	for try, stored := range []bool{true, false, true} {
		first := 1 + 5*try
		text := ordinary(100)
		texts := []string{text, text, text, text, text}
		l.b.LoseLater(2, stored)
		errs := l.sendBatch(false, first, texts...)
		l.resolve(first, texts, errs, try == 2)
		all = append(all, texts...)
		l.there("twins", all...)
	}
}

// noBatchUnproved: while nobody knows that looking works, one message at a time is in doubt.
func noBatchUnproved(l *looking) {
	if l.b.LoseLater == nil {
		return
	}
	l.open(false)
	b := deliver.BatchSenderOf(l.s)
	if b == nil {
		return
	}
	one := func(when string) {
		l.Helper()
		if n := deliver.BatchSenderOf(l.s).Batch(); n != 1 {
			l.Errorf("%s: Batch is %d", when, n)
		}
	}
	one("before the first message")
	l.lose(0, ordinary(0), false, true)
	one("after a doubt")
	l.must(0, ordinary(0), true)
	l.must(1, ordinary(1), false)
	l.b.Renew()
	l.open(false)
	one("in another process")
	if l.b.Rewrite == nil {
		return
	}
	l.b.Rewrite(true)
	for i := 2; i < 5; i++ {
		l.must(i, ordinary(i), false)
		one("where headers are changed")
	}
}

func noBatchAfterFailure(l *looking) {
	if !l.batches() {
		return
	}
	l.lose(1, ordinary(1), false, true)
	l.b.Blind(true)
	l.open(true)
	_ = l.send(1, ordinary(1), true)
	if n := deliver.BatchSenderOf(l.s).Batch(); n != 1 {
		l.Errorf("after a look that failed Batch is %d", n)
	}
	for i, err := range l.sendBatch(false, 2, ordinary(2), ordinary(3)) {
		if !errors.Is(err, deliver.ErrUntried) {
			l.Errorf("message %d of a batch after a look that failed: %v", i, err)
		}
	}
}
