// The methods that main.go does not need for its loop: each is called once, and what it says is
// compared with what another one says.
package main

import (
	"context"
	"fmt"

	"orgchangejournal"

	"github.com/varlink/go/varlink"
)

func check(what string, err error) {
	if err != nil {
		fail(what, err)
	}
}

func expect(what string, holds bool) {
	if !holds {
		fail(what, fmt.Errorf("is not so"))
	}
}

// A consumer reads what has changed since it was added, and acknowledges it.
func consumer(ctx context.Context, connection *varlink.Connection) {
	name := "go-client"
	token, _, err := orgchangejournal.AddConsumer().Call(ctx, connection, name, nil, nil, nil, nil, nil, nil)
	check("AddConsumer", err)
	position := orgchangejournal.Position{Consumer: &name}
	receive, err := orgchangejournal.Changes().Send(ctx, connection, varlink.More,
		position, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil)
	check("Changes of a consumer", err)
	next := ""
	for next == "" {
		_, summary, _, _, err := receive(ctx)
		check("Changes of a consumer", err)
		if summary != nil {
			next = summary.Next
			expect("the answer begins where the consumer stands", summary.Since == token)
		}
	}
	at, _, moved, err := orgchangejournal.Acknowledge().Call(ctx, connection, name, next, nil, nil)
	check("Acknowledge", err)
	expect("the acknowledgement moves the consumer", moved && at == next)
	listed, _, newest, _, _, err := orgchangejournal.ListConsumers().Call(ctx, connection)
	check("ListConsumers", err)
	expect("the list has the consumer", len(listed) == 1 && listed[0].Token == next && newest == next)
	check("RemoveConsumer", orgchangejournal.RemoveConsumer().Call(ctx, connection, name))
	err = orgchangejournal.RemoveConsumer().Call(ctx, connection, name)
	expect("a consumer goes once", err != nil)
}

// The feed from the oldest checkpoint tells the records that the log has.
func records(ctx context.Context, connection *varlink.Connection, address string, oldest string) {
	position := orgchangejournal.Position{Token: &oldest}
	receive, err := orgchangejournal.Log().Send(ctx, connection, varlink.More,
		&position, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil)
	check("Log", err)
	logged := []orgchangejournal.Record{}
	for flags := uint64(varlink.Continues); flags&varlink.Continues != 0; {
		var batch []orgchangejournal.Record
		batch, _, _, flags, err = receive(ctx)
		check("Log", err)
		logged = append(logged, batch...)
	}
	expect("the log has records", len(logged) > 0)
	for _, record := range logged {
		if record.Path != nil {
			explain(ctx, connection, oldest, *record.Path)
			break
		}
	}
	// A feed has no end: its connection is its own.
	own, err := varlink.NewConnection(ctx, address)
	check(address, err)
	defer own.Close()
	follow, err := orgchangejournal.Follow().Send(ctx, own, varlink.More,
		&position, nil, nil, nil, nil, nil, nil)
	check("Follow", err)
	for told := 0; told < len(logged); {
		batch, _, _, _, err := follow(ctx)
		check("Follow", err)
		for _, record := range batch {
			expect("the feed is the log", record.Sequence == logged[told].Sequence)
			told++
		}
	}
}

// What an answer from the oldest checkpoint says of a path of the log has records.
func explain(ctx context.Context, connection *varlink.Connection, oldest string, path string) {
	position := orgchangejournal.Position{Token: &oldest}
	receive, err := orgchangejournal.Explain().Send(ctx, connection, varlink.More, &path, nil, &position, nil)
	check("Explain", err)
	evidence := 0
	for flags := uint64(varlink.Continues); flags&varlink.Continues != 0; {
		_, _, batch, verdict, more, err := receive(ctx)
		check("Explain", err)
		if batch != nil {
			evidence += len(*batch)
		}
		flags = more
		expect("the last reply has the verdict", (verdict != nil) == (flags&varlink.Continues == 0))
		if verdict != nil {
			expect("the path is told, or all is refused", verdict.Told != (verdict.Refused != nil))
		}
	}
	expect("there are records", evidence > 0)
}

func others(ctx context.Context, connection *varlink.Connection, oldest string) {
	periods, err := orgchangejournal.GetPeriods().Call(ctx, connection)
	check("GetPeriods", err)
	expect("the oldest period is the one of the status", periods[0].Token == oldest)
	findings, err := orgchangejournal.Diagnose().Call(ctx, connection)
	check("Diagnose", err)
	expect("there are findings", len(findings) > 0)
	receive, err := orgchangejournal.Crawl().Send(ctx, connection, varlink.More, nil, nil)
	check("Crawl", err)
	for flags := uint64(varlink.Continues); flags&varlink.Continues != 0; {
		_, flags, err = receive(ctx)
		check("Crawl", err)
	}
	// The library takes no descriptors: the pipe is closed unread, and the daemon hears of it.
	position := orgchangejournal.Position{Token: &oldest}
	paths, err := orgchangejournal.ChangePaths().Send(ctx, connection, varlink.More,
		position, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil, nil)
	check("ChangePaths", err)
	pipe, _, _, _, err := paths(ctx)
	check("ChangePaths", err)
	expect("the first reply has the pipe", pipe != nil && *pipe == 0)
}
