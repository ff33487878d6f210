// A TURN server on Pion's library, which ships none ready to run: UDP and TLS, one account, one
// peer. It is as the library's documentation shows a server, without anything of our own besides.
package main

import (
	"crypto/tls"
	"flag"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/pion/turn/v5"
)

const realm = "bench"

func main() {
	address := flag.String("address", "", "IPv4 address to listen on and to relay from")
	port := flag.String("port", "3478", "UDP port")
	tlsPort := flag.String("tls-port", "5349", "TCP port for TLS")
	certificate := flag.String("certificate", "", "certificate chain, PEM")
	key := flag.String("key", "", "its private key, PEM")
	username := flag.String("username", "", "the account's name")
	password := flag.String("password", "", "the account's password")
	peer := flag.String("peer", "", "the only address that may be relayed to")
	flag.Parse()
	if err := serve(*address, *port, *tlsPort, *certificate, *key, *username, *password, *peer); err != nil {
		log.Fatal(err)
	}
}

func serve(address, port, tlsPort, certificate, key, username, password, peer string) error {
	udp, err := net.ListenPacket("udp4", net.JoinHostPort(address, port))
	if err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return err
	}
	secure, err := tls.Listen("tcp4", net.JoinHostPort(address, tlsPort), &tls.Config{
		Certificates: []tls.Certificate{pair},
		MinVersion:   tls.VersionTLS12,
	})
	if err != nil {
		return err
	}
	only := net.ParseIP(peer)
	allowed := func(_ net.Addr, asked net.IP) bool { return only.Equal(asked) }
	relays := func() turn.RelayAddressGenerator {
		return &turn.RelayAddressGeneratorStatic{RelayAddress: net.ParseIP(address), Address: address}
	}
	account := turn.GenerateAuthKey(username, realm, password)
	server, err := turn.NewServer(turn.ServerConfig{
		Realm: realm,
		AuthHandler: func(asked *turn.RequestAttributes) (string, []byte, bool) {
			return asked.Username, account, asked.Username == username
		},
		PacketConnConfigs: []turn.PacketConnConfig{
			{PacketConn: udp, RelayAddressGenerator: relays(), PermissionHandler: allowed},
		},
		ListenerConfigs: []turn.ListenerConfig{
			{Listener: secure, RelayAddressGenerator: relays(), PermissionHandler: allowed},
		},
	})
	if err != nil {
		return err
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGINT, syscall.SIGTERM)
	<-ended
	return server.Close()
}
