package main

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"errors"
	"flag"
	"math"
	"time"

	"github.com/gopcua/opcua"
	"github.com/gopcua/opcua/server"
	"github.com/gopcua/opcua/ua"
)

func keys(certFile, keyFile string) (*rsa.PrivateKey, []byte, error) {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, nil, err
	}
	key, ok := pair.PrivateKey.(*rsa.PrivateKey)
	if !ok {
		return nil, nil, errors.New("OPC UA needs an RSA key")
	}
	return key, pair.Certificate[0], nil
}

// opcuaServer serves a few moving values until it is interrupted.
func opcuaServer(ctx context.Context, f *flag.FlagSet, args []string) error {
	host := f.String("host", "localhost", "name in the endpoint URL")
	cert, key := f.String("cert", "", "certificate"), f.String("key", "", "private key")
	app := f.String("application", "SCADA OPC UA server", "application name")
	version := f.String("version", "1.0.0", "software version")
	if err := f.Parse(args); err != nil {
		return err
	}
	private, public, err := keys(*cert, *key)
	if err != nil {
		return err
	}
	s := server.New(server.EndPoint(*host, 4840), server.PrivateKey(private), server.Certificate(public),
		server.EnableSecurity("None", ua.MessageSecurityModeNone),
		server.EnableSecurity("Basic256Sha256", ua.MessageSecurityModeSignAndEncrypt),
		server.EnableAuthMode(ua.UserTokenTypeAnonymous),
		server.ServerName(*app), server.ManufacturerName("Example Automation"), server.ProductName(*app), server.SoftwareVersion(*version))
	values := server.NewMapNamespace(s, "Line")
	for _, name := range names {
		values.Data[name] = 0.0
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	for i := 0; ctx.Err() == nil; i++ {
		for j, name := range names {
			values.SetValue(name, 100*float64(j+1)+math.Round(1000*math.Sin(float64(i)/7))/100)
		}
		time.Sleep(250 * time.Millisecond)
	}
	return nil
}

var names = []string{"Filler.Speed", "Tank.Level", "Tank.Temperature"}

// opcuaClient does what a historian does: asks for endpoints, reads the build
// information, then reads or subscribes to values for a while.
func opcuaClient(ctx context.Context, f *flag.FlagSet, args []string) error {
	url := f.String("connect", "opc.tcp://localhost:4840", "endpoint")
	cert, key := f.String("cert", "", "certificate; without one, no security"), f.String("key", "", "private key")
	subscribe := f.Bool("subscribe", false, "subscribe instead of reading")
	last := f.Duration("for", 6*time.Second, "how long")
	if err := f.Parse(args); err != nil {
		return err
	}
	endpoints, err := opcua.GetEndpoints(ctx, *url)
	if err != nil {
		return err
	}
	policy, mode := "None", ua.MessageSecurityModeNone
	opts := []opcua.Option{opcua.ApplicationName("Site historian"), opcua.AuthAnonymous()}
	if *cert != "" {
		private, public, err := keys(*cert, *key)
		if err != nil {
			return err
		}
		policy, mode = "Basic256Sha256", ua.MessageSecurityModeSignAndEncrypt
		opts = append(opts, opcua.PrivateKey(private), opcua.Certificate(public))
	}
	end, err := opcua.SelectEndpoint(endpoints, policy, mode)
	if err != nil {
		return err
	}
	end.EndpointURL = *url
	c, err := opcua.NewClient(*url, append(opts, opcua.SecurityFromEndpoint(end, ua.UserTokenTypeAnonymous))...)
	if err != nil {
		return err
	}
	if err := c.Connect(ctx); err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	if err := read(ctx, c, ua.NewNumericNodeID(0, 2263), ua.NewNumericNodeID(0, 2261), ua.NewNumericNodeID(0, 2264), ua.NewNumericNodeID(0, 2256)); err != nil {
		return err
	}
	if *subscribe {
		return follow(ctx, c, *last)
	}
	for end := time.Now().Add(*last); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if err := read(ctx, c, nodes()...); err != nil {
			return err
		}
	}
	return nil
}

func nodes() []*ua.NodeID {
	out := make([]*ua.NodeID, len(names))
	for i, n := range names {
		out[i] = ua.NewStringNodeID(1, n)
	}
	return out
}

func read(ctx context.Context, c *opcua.Client, ids ...*ua.NodeID) error {
	q := &ua.ReadRequest{TimestampsToReturn: ua.TimestampsToReturnBoth}
	for _, id := range ids {
		q.NodesToRead = append(q.NodesToRead, &ua.ReadValueID{NodeID: id, AttributeID: ua.AttributeIDValue})
	}
	_, err := c.Read(ctx, q)
	return err
}

func follow(ctx context.Context, c *opcua.Client, d time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	told := make(chan *opcua.PublishNotificationData, 16)
	sub, err := c.Subscribe(ctx, &opcua.SubscriptionParameters{Interval: 250 * time.Millisecond}, told)
	if err != nil {
		return err
	}
	for i, id := range nodes() {
		if _, err := sub.Monitor(ctx, ua.TimestampsToReturnBoth, opcua.NewMonitoredItemCreateRequestWithDefaults(id, ua.AttributeIDValue, uint32(i))); err != nil {
			return err
		}
	}
	for {
		select {
		case <-told:
		case <-ctx.Done():
			return sub.Cancel(context.WithoutCancel(ctx))
		}
	}
}
