package com.example.bank;

import java.util.List;
import static java.util.Map.entry;

public class Account extends Base implements Comparable<Account> {
    public static final int LIMIT = 10;
    private int balance;

    public Account(int balance) { this.balance = balance; }

    @Override
    public int compareTo(Account other) {
        int local = 0;
        return local;
    }

    enum Kind { SAVINGS, CURRENT }
    interface Audit { void check(); }
    record Entry(String key, int value) {}
    @interface Marker { String value(); }
}
