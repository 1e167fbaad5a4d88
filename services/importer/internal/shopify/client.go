package shopify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-resty/resty/v2"
)

const (
	// tries bounds how often a page is asked for.
	tries = 6
	// maxAnswer bounds an answer, in bytes: 250 products with 100 variants each.
	maxAnswer = 64 << 20
	// answerTimeout bounds a request.
	answerTimeout = 60 * time.Second
	// maxPause bounds a pause that the other side asks for.
	maxPause = time.Minute
)

// Client asks a Shopify shop. It is the one place that tries again.
type Client struct {
	http *resty.Client
	// Pause waits, for tests to count; it returns early with ctx's error.
	pause func(ctx context.Context, d time.Duration) error
}

// NewClient returns a client of the shop at base, an address such as
// https://example.myshopify.com.
func NewClient(base string) *Client {
	return &Client{
		http: resty.New().SetBaseURL(base).SetTimeout(answerTimeout).SetResponseBodyLimit(maxAnswer).
			// A shop's own domain is not that of Shopify.
			SetRedirectPolicy(resty.FlexibleRedirectPolicy(3)).
			SetHeader("User-Agent", "wandstore-importer"),
		pause: pause,
	}
}

// withToken follows nobody elsewhere: a token would go there too.
func (c *Client) withToken() *Client {
	c.http.SetRedirectPolicy(resty.NoRedirectPolicy())
	return c
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(min(d, maxPause)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ErrRefused is wrapped by the error of an answer that another try does not change.
var ErrRefused = errors.New("refused")

// get reads a JSON document into answer.
func (c *Client) get(ctx context.Context, path string, query map[string]string, answer any) error {
	return c.try(ctx, func() (time.Duration, error) {
		res, err := c.http.R().SetContext(ctx).SetQueryParams(query).Get(path)
		if err != nil {
			return 0, err
		}
		return decode(res, answer)
	})
}

// try asks until it is answered. ask returns for how long to wait before another try, 0
// for the usual time.
func (c *Client) try(ctx context.Context, ask func() (time.Duration, error)) error {
	wait := 500 * time.Millisecond
	for try := 1; ; try++ {
		after, err := ask()
		if errors.Is(err, resty.ErrAutoRedirectDisabled) {
			err = fmt.Errorf("%w: it leads to another address, which the token is not sent to: name that one", ErrRefused)
		}
		if err == nil || errors.Is(err, ErrRefused) || try == tries || ctx.Err() != nil {
			return err
		}
		if after == 0 {
			after = wait
			wait *= 2
		}
		if err := c.pause(ctx, after); err != nil {
			return err
		}
	}
}

// decode reads the JSON of an answer.
func decode(res *resty.Response, answer any) (time.Duration, error) {
	switch status := res.StatusCode(); {
	case status == http.StatusTooManyRequests, status == 430, status == http.StatusServiceUnavailable:
		seconds, err := strconv.ParseFloat(res.Header().Get("Retry-After"), 64)
		if err != nil || seconds < 0 {
			seconds = 0
		}
		return time.Duration(seconds * float64(time.Second)), errors.New(res.Status())
	case status >= http.StatusInternalServerError:
		return 0, errors.New(res.Status())
	case status != http.StatusOK:
		return 0, fmt.Errorf("%w: %s", ErrRefused, res.Status())
	}
	if err := json.Unmarshal(res.Body(), answer); err != nil {
		return 0, fmt.Errorf("%w: the answer is not the JSON that is expected: %w", ErrRefused, err)
	}
	return 0, nil
}
