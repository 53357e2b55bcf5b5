// A client of org.changejournal in Go, on code that varlink-go-interface-generator has made of the
// interface's description: what somebody else's client sees of us.
//
// Usage: go_client ADDRESS [WATCHED-PATH], ADDRESS as in unix:/run/changejournal/org.changejournal.
// Makes a checkpoint, asks for the changes since it and before it, and prints one line per fact:
//
//	version 0.1.0
//	journal 0a1b2c3d
//	token cj1-0a1b2c3d-7
//	change created /srv/a
//	next cj1-0a1b2c3d-8
package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"

	"orgchangejournal"

	"github.com/varlink/go/varlink"
)

func fail(what string, err error) {
	fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
	os.Exit(1)
}

func pathOf(change orgchangejournal.Change) string {
	if change.Path != nil {
		return *change.Path
	}
	if change.Path_base64 == nil {
		fail("a change", fmt.Errorf("without a path"))
	}
	bytes, err := base64.StdEncoding.DecodeString(*change.Path_base64)
	if err != nil {
		fail("path_base64", err)
	}
	return string(bytes)
}

func changes(ctx context.Context, connection *varlink.Connection, since string, paths []string) {
	yes := true
	position := orgchangejournal.Position{Token: &since}
	receive, err := orgchangejournal.Changes().Send(ctx, connection, varlink.More,
		position, nil, &paths, nil, nil, nil, nil, nil, nil, &yes, nil)
	if err != nil {
		fail("Changes", err)
	}
	for {
		batch, summary, _, flags, err := receive(ctx)
		if err != nil {
			fail("Changes", err)
		}
		if batch != nil {
			for _, change := range *batch {
				fmt.Printf("change %s %q\n", change.Change, pathOf(change))
			}
		}
		if flags&varlink.Continues == 0 {
			if summary == nil || !summary.Complete {
				fail("Changes", fmt.Errorf("no summary in the last reply"))
			}
			fmt.Printf("next %s\n", summary.Next)
			return
		}
	}
}

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintf(os.Stderr, "usage: %s ADDRESS [WATCHED-PATH]\n", os.Args[0])
		os.Exit(2)
	}
	ctx := context.Background()
	connection, err := varlink.NewConnection(ctx, os.Args[1])
	if err != nil {
		fail(os.Args[1], err)
	}
	defer connection.Close()

	version, _, _, journal, _, _, openPeriod, oldest, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, backlog, rates, err :=
		orgchangejournal.GetStatus().Call(ctx, connection)
	if err != nil {
		fail("GetStatus", err)
	}
	if backlog.Capacity_bytes <= 0 || rates.Uptime_usec <= 0 {
		fail("GetStatus", fmt.Errorf("no backlog, no rates"))
	}
	fmt.Printf("version %s\njournal %s\n", version, journal)

	label := "from Go"
	token, absent, err := orgchangejournal.Checkpoint().Call(ctx, connection, &label)
	if err != nil {
		fail("Checkpoint", err)
	}
	if token == openPeriod.Token {
		fail("Checkpoint", fmt.Errorf("did not start a new period"))
	}
	if absent != nil && len(*absent) > 0 {
		fail("Checkpoint", fmt.Errorf("every watched tree is there"))
	}
	fmt.Printf("token %s\n", token)
	changes(ctx, connection, oldest, os.Args[2:])
	changes(ctx, connection, token, os.Args[2:])

	_, _, _, err = orgchangejournal.Changes().Call(ctx, connection, orgchangejournal.Position{Token: &token},
		nil, nil, nil, nil, nil, nil, nil, nil, nil, nil)
	if err == nil {
		fail("Changes without more", fmt.Errorf("was answered"))
	}
	consumer(ctx, connection)
	records(ctx, connection, os.Args[1], oldest)
	others(ctx, connection, oldest)
	fmt.Println("every method has answered")
}
