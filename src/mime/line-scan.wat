;; Looks at lines of text 16 octets at a time (SIMD128): is it 7-bit data (RFC 2045 section 2.7), do its lines end in
;; CRLF, would a relay leave it alone (RFC 8551 section 3.1.3)?
;;
;; scan(src, octets, column) returns a sum of
;;   1  an octet above 127, or NUL
;;   2  LF without CR before it; the octet at src - 1 counts as the one before
;;   4  a line of more than 998 octets, CRLF left out, that has ended; the first line has column octets already
;;   8  a space or tab before CRLF, or "From " where a line begins
;; and leaves in "column" how many octets the last, unfinished line has. The caller sets the two octets before src. It reads
;; up to 21 octets behind its input, and overwrites 32 there with filling that says nothing. The assembled bytes lie in
;; line-scan-module.ts; a test assembles this file and compares.
(module
  (memory (export "memory") 2)
  (global $column (export "column") (mut i32) (i32.const 0))
  (func (export "scan") (param $src i32) (param $octets i32) (param $columns i32) (result i32)
    (local $end i32) (local $start i32) (local $mask i32) (local $long i32) (local $from i32)
    (local $x v128) (local $lf v128) (local $ends v128) (local $before v128)
    (local $all v128) (local $least v128) (local $bare v128) (local $fragile v128)
    (local.set $end (i32.add (local.get $src) (local.get $octets)))
    ;; the line under way began so many octets ago
    (local.set $start (i32.sub (local.get $src) (local.get $columns)))
    (local.set $lf (i8x16.splat (i32.const 0x0a)))
    (local.set $least (i8x16.splat (i32.const 0x2e)))
    (v128.store (local.get $end) (local.get $least))
    (v128.store offset=16 (local.get $end) (local.get $least))
    (local.set $from
      (i32.and
        (i32.eqz (local.get $columns))
        (i64.eq
          (i64.and (i64.load (local.get $src)) (i64.const 0xffffffffff))
          (i64.const 0x206d6f7246))))
    (block $done (loop $next
      (br_if $done (i32.ge_u (local.get $src) (local.get $end)))
      (local.set $x (v128.load (local.get $src)))
      (local.set $all (v128.or (local.get $all) (local.get $x)))
      (local.set $least (i8x16.min_u (local.get $least) (local.get $x)))
      (local.set $ends (i8x16.eq (local.get $x) (local.get $lf)))
      (local.set $mask (i8x16.bitmask (local.get $ends)))
      (if (local.get $mask)
        (then
          (local.set $bare
            (v128.or (local.get $bare)
              (v128.andnot (local.get $ends)
                (i8x16.eq (v128.load (i32.sub (local.get $src) (i32.const 1))) (i8x16.splat (i32.const 0x0d))))))
          (local.set $before (v128.load (i32.sub (local.get $src) (i32.const 2))))
          (local.set $fragile
            (v128.or (local.get $fragile)
              (v128.and (local.get $ends)
                (v128.or
                  (v128.or
                    (i8x16.eq (local.get $before) (i8x16.splat (i32.const 0x20)))
                    (i8x16.eq (local.get $before) (i8x16.splat (i32.const 0x09))))
                  ;; the line behind it
                  (v128.and
                    (v128.and
                      (v128.and
                        (i8x16.eq (v128.load offset=1 (local.get $src)) (i8x16.splat (i32.const 0x46)))
                        (i8x16.eq (v128.load offset=2 (local.get $src)) (i8x16.splat (i32.const 0x72))))
                      (v128.and
                        (i8x16.eq (v128.load offset=3 (local.get $src)) (i8x16.splat (i32.const 0x6f)))
                        (i8x16.eq (v128.load offset=4 (local.get $src)) (i8x16.splat (i32.const 0x6d)))))
                    (i8x16.eq (v128.load offset=5 (local.get $src)) (i8x16.splat (i32.const 0x20))))))))
          ;; two line ends within 16 octets have no long line between them
          (local.set $long
            (i32.or (local.get $long)
              (i32.gt_s
                (i32.sub (i32.add (local.get $src) (i32.ctz (local.get $mask))) (local.get $start))
                (i32.const 999))))
          (local.set $start
            (i32.add (local.get $src) (i32.sub (i32.const 32) (i32.clz (local.get $mask)))))))
      (local.set $src (i32.add (local.get $src) (i32.const 16)))
      (br $next)))
    (global.set $column (i32.sub (local.get $end) (local.get $start)))
    (i32.or
      (i32.or
        (i32.or
          (i32.ne (i8x16.bitmask (local.get $all)) (i32.const 0))
          (i32.eqz (i8x16.all_true (local.get $least))))
        (i32.shl (v128.any_true (local.get $bare)) (i32.const 1)))
      (i32.or
        (i32.shl (local.get $long) (i32.const 2))
        (i32.shl (i32.or (v128.any_true (local.get $fragile)) (local.get $from)) (i32.const 3))))))
