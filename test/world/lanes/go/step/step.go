// Package step is what every program of this lane shares: the product's variables, bytes to send, its version, and a line per step.
package step

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
)

var (
	Endpoint = os.Getenv("WORLD_ENDPOINT")
	Bucket   = os.Getenv("WORLD_BUCKET")
	Prefix   = os.Getenv("WORLD_PREFIX")
	Large    = random(20_000_003)
	Small    = random(1000)
)

const PartBytes = 5 * 1024 * 1024

var Sizes = []int{0, 1, PartBytes + 1}

// OddKeys are names that clients and servers like to spell differently.
var OddKeys = []string{"a b+c", "ü", "a//b", "photo (1).jpg", "it's", "x=1/y", "a:b@c", "a!b*c.txt", "100%", "q?x#y&z"}

func random(size int) []byte {
	body := make([]byte, size)
	if _, err := rand.Read(body); err != nil {
		panic(err)
	}
	return body
}

// Version says the version of a module.
func Version(module string) {
	info, _ := debug.ReadBuildInfo()
	for _, one := range info.Deps {
		if one.Path == module {
			fmt.Printf("version %s\n", strings.TrimPrefix(one.Version, "v"))
		}
	}
}

// Do does it and says how it went.
func Do(name string, work func() error) {
	if err := work(); err != nil {
		text := strings.Join(strings.Fields(err.Error()), " ")
		fmt.Printf("FAIL %s: %.400s\n", name, text)
		return
	}
	fmt.Printf("ok %s\n", name)
}

// Browser opens presigned URLs, and trusts the product's CA whatever the SDK was told.
func Browser() *http.Client {
	pem, err := os.ReadFile(os.Getenv("WORLD_CA_FILE"))
	if err != nil {
		panic(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}}}
}

// Same is nil where both are the same bytes.
func Same(seen, wanted []byte) error {
	if bytes.Equal(seen, wanted) {
		return nil
	}
	return fmt.Errorf("%d bytes came back of %d, or others", len(seen), len(wanted))
}

// Equal is nil where both are equal.
func Equal[T comparable](seen, wanted T) error {
	if seen == wanted {
		return nil
	}
	return fmt.Errorf("%v came back, not %v", seen, wanted)
}

// Refused is nil where the error says one of these.
func Refused(err error, codes ...string) error {
	if err == nil {
		return errors.New("was not refused with " + codes[0])
	}
	for _, code := range codes {
		if strings.Contains(err.Error(), code) {
			return nil
		}
	}
	return err
}
